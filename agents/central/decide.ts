import type { Plan, Risk } from '../../src/index.ts';

/** What monitoring remembers from one look to the next. JSON only: it lives in the workflow's data. */
export interface WatchState {
  notified: string[];
  /** Cell in which the session's priority was raised; it stays raised. */
  raisedIn: string | null;
  lastSwitch: number;
  /** Looks in a row at which 5G was good again while on the standby network. */
  goodLooks: number;
  looks: number;
  /** The service went on when this was seen. */
  more: boolean;
  missed: number;
  exceptions: WatchedException[];
}

export interface WatchedException {
  t: number;
  kind: 'weak-coverage' | 'congestion' | 'outage';
  measure: 'standby-network' | 'return-to-5g' | 'qos-priority' | 'proactive-notice' | 'missed';
  reason: string;
  cellId: string | null;
  place: { lat: number; lon: number } | null;
  foreseen: boolean;
}

export interface Radio {
  t: number;
  medium: string;
  position: { lat: number; lon: number };
  rat: 'NR' | 'EUTRA' | null;
  cellId: string | null;
  rsrpDbm: number | null;
  sinrDb: number | null;
  standby: { rat: 'NR' | 'EUTRA'; cellId: string; rsrpDbm: number; sinrDb: number } | null;
}

export interface Look {
  supi: string;
  sessionId: string | null;
  plan: Plan;
  state: WatchState | null;
  radio: Radio;
  /** Null where there is no session, or the session could not be read. */
  guaranteed: boolean | null;
}

export interface Decision {
  state: WatchState;
  measure: 'standby-network' | 'return-to-5g' | 'qos-priority' | 'proactive-notice' | 'none';
  reason: string;
  arguments: Record<string, unknown>;
}

export const START: WatchState = {
  notified: [],
  raisedIn: null,
  lastSwitch: 0,
  goodLooks: 0,
  looks: 0,
  more: true,
  missed: 0,
  exceptions: [],
};

/** A network is not switched twice within this time, ms: a switch costs an interruption. */
const DWELL_MS = 10_000;
/** The user hears of a gap this long before it, ms. */
const NOTICE_MS = 120_000;
/** Priority level to which a session without its guarantee is raised (TS 23.501 5.7.2.2, 1 is highest). */
const RAISED_PRIORITY = 2;

/**
 * The three emergency measures of the paper (5.1, scenario 2, step 4), at most one a look: tell the user
 * of a gap that nothing can close; move to the standby network where 5G is weak; raise the priority
 * where the guarantee fails although the signal is good.
 */
export function decide(look: Look): Decision {
  const state: WatchState = {
    ...(look.state ?? START),
    looks: (look.state?.looks ?? 0) + 1,
    more: look.radio.t < look.plan.monitoring.end,
  };
  return notice(look, state) ?? standby(look, state) ?? priority(look, state) ?? none(state);
}

function none(state: WatchState): Decision {
  return { state, measure: 'none', reason: '', arguments: {} };
}

function notice({ plan, radio, supi }: Look, state: WatchState): Decision | undefined {
  const risk = plan.risks.find(
    ({ id, start, kind, standbyUsable }) =>
      (kind === 'outage' || (kind === 'weak-coverage' && !standbyUsable)) &&
      start > radio.t &&
      start - radio.t <= NOTICE_MS &&
      !state.notified.includes(id),
  );
  if (risk === undefined) return undefined;
  const seconds = Math.round((risk.start - radio.t) / 1000);
  const text = `In about ${seconds} s there is a gap of about ${Math.round((risk.end - risk.start) / 1000)} s that no network covers; finish your sentence, the call goes on after it.`;
  return {
    state: {
      ...state,
      notified: [...state.notified, risk.id],
      exceptions: [
        ...state.exceptions,
        exception(radio, 'outage', 'proactive-notice', `a gap in coverage ahead in ${seconds} s`, true),
      ],
    },
    measure: 'proactive-notice',
    reason: `a gap in coverage ahead in ${seconds} s`,
    arguments: { supi, text, at: radio.t },
  };
}

function standby({ plan, radio, supi }: Look, state: WatchState): Decision | undefined {
  const { rat, standby: other } = radio;
  if (radio.medium !== 'cellular' || rat === null || other === null) return undefined;
  const limits = plan.monitoring.thresholds;
  const settled = radio.t - state.lastSwitch >= DWELL_MS;
  const here = { rsrpDbm: radio.rsrpDbm ?? -200, sinrDb: radio.sinrDb ?? -50 };
  if (rat === 'NR') {
    if (!below(here, limits.toStandbyBelow) || below(other, limits.standbyUsableAbove) || !settled)
      return undefined;
    const reason = `5G at ${level(here.rsrpDbm)} dBm, SINR ${level(here.sinrDb)} dB; 4G at ${level(other.rsrpDbm)} dBm, SINR ${level(other.sinrDb)} dB`;
    return switchTo(
      'EUTRA',
      'standby-network',
      reason,
      look(radio, supi),
      { ...state, goodLooks: 0 },
      foreseenAt(plan.risks, radio.t, 'weak-coverage'),
    );
  }
  // 4G no longer carries the service and 5G does: back at once. Otherwise 5G must stay good for two looks.
  const failing =
    below(here, limits.standbyUsableAbove) &&
    !below(other, { rsrpDbm: limits.returnAbove.rsrpDbm, sinrDb: limits.toStandbyBelow.sinrDb });
  state.goodLooks = below(other, limits.returnAbove) ? 0 : state.goodLooks + 1;
  if (!settled || !(failing || state.goodLooks >= 2)) return undefined;
  const reason = `5G is ${failing ? 'the better again' : 'good again'} at ${level(other.rsrpDbm)} dBm, SINR ${level(other.sinrDb)} dB`;
  return switchTo('NR', 'return-to-5g', reason, look(radio, supi), { ...state, goodLooks: 0 }, true);
}

interface Level {
  rsrpDbm: number;
  sinrDb: number;
}

/** Below in either respect. */
function below(level: Level, limit: Level): boolean {
  return level.rsrpDbm < limit.rsrpDbm || level.sinrDb < limit.sinrDb;
}

function look(radio: Radio, supi: string) {
  return { radio, supi };
}

function switchTo(
  rat: 'NR' | 'EUTRA',
  measure: 'standby-network' | 'return-to-5g',
  reason: string,
  { radio, supi }: { radio: Radio; supi: string },
  state: WatchState,
  foreseen: boolean,
): Decision {
  return {
    state: {
      ...state,
      lastSwitch: radio.t,
      exceptions: [...state.exceptions, exception(radio, 'weak-coverage', measure, reason, foreseen)],
    },
    measure,
    reason,
    arguments: { supi, rat },
  };
}

function priority({ plan, radio, sessionId, guaranteed }: Look, state: WatchState): Decision | undefined {
  if (guaranteed !== false || sessionId === null || radio.cellId === null || state.raisedIn !== null)
    return undefined;
  const limits = plan.monitoring.thresholds;
  const here = { rsrpDbm: radio.rsrpDbm ?? -200, sinrDb: radio.sinrDb ?? -50 };
  // Where the signal is weak, priority buys nothing: that is the standby network's case.
  if (below(here, radio.rat === 'NR' ? limits.toStandbyBelow : limits.standbyUsableAbove)) return undefined;
  const reason = `the guaranteed rate fails in cell ${radio.cellId} at a sufficient signal (SINR ${level(radio.sinrDb)} dB): congestion`;
  return {
    state: {
      ...state,
      raisedIn: radio.cellId,
      exceptions: [
        ...state.exceptions,
        exception(radio, 'congestion', 'qos-priority', reason, foreseenAt(plan.risks, radio.t, 'congestion')),
      ],
    },
    measure: 'qos-priority',
    reason,
    arguments: { sessionId, priorityLevel: RAISED_PRIORITY },
  };
}

function foreseenAt(risks: Risk[], t: number, kind: Risk['kind']): boolean {
  return risks.some((risk) => risk.kind === kind && risk.start <= t && t <= risk.end);
}

function exception(
  radio: Radio,
  kind: WatchedException['kind'],
  measure: WatchedException['measure'],
  reason: string,
  foreseen: boolean,
): WatchedException {
  return { t: radio.t, kind, measure, reason, cellId: radio.cellId, place: radio.position, foreseen };
}

function level(value: number | null): string {
  return value === null ? 'no' : value.toFixed(0);
}
