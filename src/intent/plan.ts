import { type Learnt, matchExperience, riskOf } from './lessons.ts';
import type {
  CoverageForecast,
  Experience,
  Intent,
  Journey,
  Plan,
  PlanStep,
  QualityMap,
  Risk,
  Trip,
} from './types.ts';

/** Standing values of the radio measures; hysteresis keeps a UE from going to and fro. */
const TO_STANDBY = { rsrpDbm: -100, sinrDb: -6 };
const RETURN = { rsrpDbm: -97, sinrDb: 0 };
const STANDBY_USABLE = { rsrpDbm: -112, sinrDb: -1 };
/** Where a weak spot was met before, 5G is left this much earlier, dB. */
const EARLIER_DB = 4;
/** Share of a cell's resource blocks that one user may have for itself, percent: what it takes others lose. */
const RATIO = { floor: 1, cap: 5, learnt: 8 };
/** Downlink bandwidth assumed for a reservation, MHz, and the share of time and overhead that data gets. */
const CELL = { bandwidthMHz: 20, dataShare: 0.6 };
const ARP = { high: 5, normal: 8, low: 12 } as const;
const MEDIA = { 'voice-call': 'AUDIO', gaming: 'DATA' } as const;
const MARGIN_MS = 60_000;

/** Turns what is known into steps before departure and limits to watch on the way. Pure. */
export function makePlan(parts: {
  intent: Intent;
  journey: Journey;
  trip: Trip;
  qualityMap: QualityMap;
  experience: readonly Experience[];
}): Plan {
  const { journey, trip, qualityMap } = parts;
  const learnt = matchExperience(parts.experience, qualityMap.coverage, trip);
  const foreseen = qualityMap.risks;
  const added = learnt.filter(
    ({ experience, start }) => !foreseen.some((risk) => covers(risk, experience, start)),
  );
  const risks = [...foreseen, ...added.map((item, index) => riskOf(item, `learnt-${index + 1}`))].sort(
    (a, b) => a.start - b.start,
  );
  const steps = stepsOf({
    journey,
    trip,
    risks,
    learnt,
    coverage: qualityMap.coverage,
  });
  return {
    template: 'travel-assurance',
    segments: trip.segments,
    risks,
    steps: steps.map((step, index) => ({ id: `step-${index + 1}`, ...step })),
    monitoring: {
      start: trip.service.start,
      end: trip.service.end,
      periodS: 3,
      thresholds: {
        toStandbyBelow: TO_STANDBY,
        returnAbove: RETURN,
        standbyUsableAbove: STANDBY_USABLE,
        dlMbps: trip.service.dlMbps,
        ulMbps: trip.service.ulMbps,
        maxDelayMs: trip.service.maxDelayMs,
      },
    },
    lessons: learnt.map(({ experience }) => ({
      experienceId: experience.id,
      text: `On an earlier trip ${WORDS[experience.kind]} was met ${experience.cellIds.length > 0 ? `in cell ${experience.cellIds.join(', ')}` : 'on this road'}.`,
      change: CHANGE[experience.kind],
    })),
  };
}

const WORDS = {
  'weak-coverage': 'weak 5G',
  congestion: 'a congested cell',
  outage: 'a gap in coverage',
} as const;
const CHANGE = {
  'weak-coverage': `The change to 4G is preset ${EARLIER_DB} dB earlier.`,
  congestion:
    'Resource blocks are reserved in that cell and the session has a higher priority from the start.',
  outage: 'The user is told of the gap in advance.',
} as const;

function stepsOf(given: {
  journey: Journey;
  trip: Trip;
  risks: Risk[];
  learnt: Learnt[];
  coverage: CoverageForecast[];
}): Array<Omit<PlanStep, 'id'>> {
  const { journey, trip, risks, learnt, coverage } = given;
  const { supi, service } = trip;
  const { kind, priority } = journey.service;
  const crowded = learnt.some(({ experience }) => experience.kind === 'congestion');
  const steps: Array<Omit<PlanStep, 'id'>> = [];
  steps.push({
    domain: 'core',
    skill: 'assure-qos',
    input: {
      supi,
      service: {
        media: kind in MEDIA ? MEDIA[kind as keyof typeof MEDIA] : 'VIDEO',
        dlMbps: service.dlMbps,
        ulMbps: service.ulMbps,
        maxDelayMs: service.maxDelayMs,
        priorityLevel: Math.max(1, ARP[priority] - (crowded ? 3 : 0)),
      },
    },
    because: `${service.name} needs ${service.dlMbps} Mbit/s down, ${service.ulMbps} up within ${service.maxDelayMs} ms${crowded ? '; higher priority, as a cell on the way was congested before' : ''}`,
  });
  const cells = new Map<string, boolean>();
  for (const risk of risks) {
    if (risk.kind === 'congestion') for (const id of risk.cellIds) cells.set(id, false);
  }
  for (const { experience, cellIds } of learnt) {
    if (experience.kind === 'congestion') for (const id of cellIds) cells.set(id, true);
  }
  for (const [cellId, known] of cells) {
    const ratio = reservedRatio(
      service.dlMbps,
      coverage.filter((point) => point.cellId === cellId),
      known,
    );
    const times = risks.filter(({ kind: k, cellIds }) => k === 'congestion' && cellIds.includes(cellId));
    steps.push({
      domain: 'ran',
      skill: 'reserve-radio',
      input: {
        supi,
        cellIds: [cellId],
        ratio,
        start: Math.min(...times.map(({ start }) => start)) - MARGIN_MS,
        end: Math.max(...times.map(({ end }) => end)) + MARGIN_MS,
      },
      because: `${known ? 'this cell was congested on an earlier trip' : 'this cell is expected to be congested'}; ${ratio} % of its resource blocks carry the service`,
    });
  }
  for (const risk of risks.filter(({ kind: k, standbyUsable }) => k === 'weak-coverage' && standbyUsable)) {
    const known = risk.source === 'experience';
    const earlier = known ? EARLIER_DB : 0;
    steps.push({
      domain: 'ran',
      skill: 'preset-handover',
      input: {
        supi,
        toStandbyBelow: raised(TO_STANDBY, earlier),
        returnAbove: raised(RETURN, known ? 2 : 0),
        start: risk.start - MARGIN_MS,
        end: risk.end + MARGIN_MS,
      },
      because: `${risk.detail}${known ? '; the change to 4G is preset earlier than usual' : ''}`,
    });
  }
  if (priority === 'high' || crowded) {
    steps.push({
      domain: 'ran',
      skill: 'prioritize-ue',
      input: { supi, priorityLevel: priority === 'high' ? 20 : 30 },
      because: crowded
        ? 'a cell on the way was congested on an earlier trip'
        : 'the user said that the service is important',
    });
  }
  if (kind !== 'video-streaming') {
    steps.push({
      domain: 'computing',
      skill: 'place-relay',
      input: { supi, maxDelayMs: service.maxDelayMs },
      because: `a relay near the user keeps the delay under ${service.maxDelayMs} ms`,
    });
  }
  const gaps = risks.filter(
    (risk) =>
      risk.kind === 'outage' ||
      (risk.kind === 'weak-coverage' && !risk.standbyUsable) ||
      (risk.kind === 'in-flight' && risk.start < service.end && risk.end > service.start),
  );
  for (const gap of gaps) {
    steps.push({
      domain: 'proxy',
      skill: 'notify',
      input: {
        supi,
        text: `Expect an interruption ${Math.max(0, Math.round((gap.start - service.start) / 60_000))} minutes into the ${service.name}: ${gap.detail}.`,
        at: service.start - MARGIN_MS,
      },
      because: `nothing can close this gap: ${gap.detail}`,
    });
  }
  return steps;
}

/**
 * Percent of a cell's resource blocks for a rate, by the spectral efficiency that the forecast SINR lets
 * expect (0.75 of Shannon), capped: what one user holds, the others lose.
 */
export function reservedRatio(dlMbps: number, points: Array<{ sinrDb: number }>, known: boolean): number {
  const sinr = points.length === 0 ? 3 : Math.min(...points.map(({ sinrDb }) => sinrDb));
  const efficiency = Math.min(5.5, Math.max(0.2, 0.75 * Math.log2(1 + 10 ** (sinr / 10))));
  const share = (100 * dlMbps) / (efficiency * CELL.bandwidthMHz * CELL.dataShare);
  return Math.round(Math.min(known ? RATIO.learnt : RATIO.cap, Math.max(RATIO.floor, share)));
}

function raised(limit: { rsrpDbm: number; sinrDb: number }, db: number) {
  return { rsrpDbm: limit.rsrpDbm + db, sinrDb: limit.sinrDb + db / 2 };
}

function covers(risk: Risk, experience: Experience, start: number): boolean {
  return risk.kind === experience.kind && start >= risk.start - 30_000 && start <= risk.end + 30_000;
}
