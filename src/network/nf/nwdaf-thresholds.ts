import type { AnalyticsEvent } from './nwdaf-analytics.ts';
import { bitRate } from './schemas.ts';

/** In the unit of the event: percent, or Mbit/s. */
export type Threshold = number;

interface Thresholds {
  event: AnalyticsEvent;
  matchingDir: 'ASCENDING' | 'DESCENDING' | 'CROSSED';
  loadLevelThreshold?: number | undefined;
  nsiLevelThrds?: number[] | undefined;
  nfLoadLvlThds?: Array<{ nfLoadLevel?: number | undefined }> | undefined;
  congThresholds?: Array<{ congLevel?: number | undefined }> | undefined;
  ranUeThrouThds?: number[] | undefined;
}

type Info = Record<string, unknown>;
interface Level {
  /** List of the results in which the level is. */
  list: string;
  /** What a level is of, and its value. */
  read(info: Info): { key: string; value: number };
}

const LEVELS: Partial<Record<AnalyticsEvent, Level>> = {
  NF_LOAD: {
    list: 'nfLoadLevelInfos',
    read: (info) => ({ key: String(info.nfInstanceId), value: Number(info.nfLoadLevelAverage) }),
  },
  USER_DATA_CONGESTION: {
    list: 'userDataCongInfos',
    read: (info) => {
      const { nsi } = info.congestionInfo as { nsi: { congLevel: number } };
      return { key: JSON.stringify(info.networkArea), value: nsi.congLevel };
    },
  },
  QOS_SUSTAINABILITY: {
    list: 'qosSustainInfos',
    read: (info) => ({ key: JSON.stringify(info.areaInfo), value: bitRate.parse(info.ranUeThrouThd) }),
  },
  SLICE_LOAD_LEVEL: {
    list: 'sliceLoadLevelInfos',
    read: (info) => ({ key: JSON.stringify(info.snssais), value: Number(info.loadLevelInformation) }),
  },
  NSI_LOAD_LEVEL: {
    list: 'nsiLoadLevelInfos',
    read: (info) => ({ key: JSON.stringify(info.snssai), value: Number(info.loadLevelInformation) }),
  },
};

/** Whether the results of an event have a level that thresholds can be about. */
export const isAnalyticsLevel = (event: AnalyticsEvent) => LEVELS[event] !== undefined;

/** The thresholds that belong to the event. */
export function thresholdsOf(one: Thresholds): Threshold[] {
  const given: Partial<Record<AnalyticsEvent, Array<number | undefined>>> = {
    NF_LOAD: one.nfLoadLvlThds?.map(({ nfLoadLevel }) => nfLoadLevel),
    USER_DATA_CONGESTION: one.congThresholds?.map(({ congLevel }) => congLevel),
    QOS_SUSTAINABILITY: one.ranUeThrouThds,
    SLICE_LOAD_LEVEL: [one.loadLevelThreshold],
    NSI_LOAD_LEVEL: one.nsiLevelThrds,
  };
  return (given[one.event] ?? []).filter((value) => value !== undefined);
}

/**
 * The results whose level went over a threshold since the last look, in the direction that was asked for;
 * undefined where none did. `seen` keeps the levels for the next look.
 */
export function crossings(
  one: Thresholds,
  results: Record<string, unknown>,
  seen: Map<string, number>,
): Record<string, unknown[]> | undefined {
  const level = LEVELS[one.event];
  const infos = level === undefined ? [] : ((results[level.list] ?? []) as Info[]);
  const crossed = infos.filter((info) => {
    const { key, value } = (level as Level).read(info);
    const before = seen.get(key);
    seen.set(key, value);
    if (before === undefined) return false;
    return thresholdsOf(one).some((threshold) => {
      const up = before < threshold && value >= threshold;
      const down = before >= threshold && value < threshold;
      return (up && one.matchingDir !== 'DESCENDING') || (down && one.matchingDir !== 'ASCENDING');
    });
  });
  return level === undefined || crossed.length === 0 ? undefined : { [level.list]: crossed };
}
