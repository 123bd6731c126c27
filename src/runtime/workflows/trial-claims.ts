import type { Arbiter, Claim } from '../../change/index.ts';
import type { Claims, Parameters, Scope } from '../../explore/index.ts';

/** Who is behind a trial, and how much it counts against other changes (1 to 100). */
export interface TrialStanding {
  holder: string;
  priority?: number;
  /** How long claims hold without a look, ms of the arbiter's clock. */
  leaseMs?: number;
}

/** An experiment yields to nearly everything that somebody wants for a reason. */
const PRIORITY = 20;
const LEASE_MS = 900_000;

/** Trials at the arbiter of guarded changes, so that they and changes never set one cell or subscriber against each other. */
export function trialClaims(arbiter: Arbiter, standing: TrialStanding): Claims {
  const { holder, priority = PRIORITY, leaseMs = LEASE_MS } = standing;
  const mustYield = (id: string): string | null => {
    const { state, text } = arbiter.renew(id);
    return state === 'held' ? null : text || 'its claims are lost';
  };
  return {
    hold(id, parameters, scope) {
      const claims = claimsOfParameters(parameters, scope);
      const decision = arbiter.ask({ id, holder, claims, priority, window: null, leaseMs, patienceMs: 0 });
      return decision.state === 'held' ? null : decision.text;
    },
    renew: mustYield,
    // Without a window kept claims would end at once: the parameters stay, and whoever comes later may set others.
    keep: (id) => mustYield(id) === null && arbiter.keep(id),
    release: (id) => arbiter.release(id),
  };
}

/** The names by which changes through tools claim the same things (`src/change/claims.ts`). */
function claimsOfParameters(parameters: Parameters, { cells, subscribers }: Scope): Claim[] {
  const { ulP0Dbm, ulAlpha, cellOffsetDb, priorityLevel, prbPercent } = parameters;
  const { toStandbyRsrpDbm, toStandbySinrDb } = parameters;
  const onCells = (parameter: string, value: unknown): Claim[] =>
    cells.map((cell) => ({ resource: `cell:${cell}`, parameter, value }));
  const onSubscribers = (parameter: string, value: unknown): Claim[] =>
    subscribers.map((supi) => ({ resource: `subscriber:${supi}`, parameter, value }));
  return [
    ...((ulP0Dbm ?? ulAlpha) === undefined ? [] : onCells('uplink-power', { ulP0Dbm, ulAlpha })),
    ...(cellOffsetDb === undefined ? [] : onCells('load', cellOffsetDb > 0 ? 'in' : 'out')),
    ...(priorityLevel === undefined ? [] : onSubscribers('priority', priorityLevel)),
    ...(prbPercent === undefined
      ? []
      : subscribers.flatMap((supi) => onCells(`reservation/${supi}`, prbPercent))),
    ...((toStandbyRsrpDbm ?? toStandbySinrDb) === undefined
      ? []
      : onSubscribers('handover', { toStandbyRsrpDbm, toStandbySinrDb })),
  ];
}
