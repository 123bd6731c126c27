import { RAT_CAUSE } from '../grid/connection.ts';
import { EVENT } from '../grid/index.ts';
import type { NetworkEvent, Rat } from '../model.ts';
import type { Control } from './control.ts';
import type { Deployed } from './deploy.ts';

const RATS: readonly Rat[] = ['NR', 'EUTRA'];
const CAUSES = Object.keys(RAT_CAUSE) as Array<keyof typeof RAT_CAUSE>;

/** What the last tick did to named UEs and to flows that were asked for, as the network functions hear it. */
export function eventsOf(
  { grid, cells, firstNamed }: Deployed,
  t: number,
  control: Control,
  supiOf: (u: number) => string,
): NetworkEvent[] {
  const heard: NetworkEvent[] = [];
  const idOf = (c: number) => cells[c]?.id ?? null;
  grid.events.each((kind, u, a, b) => {
    if (kind === EVENT.notGuaranteed || kind === EVENT.guaranteed) {
      const flow = control.flowAt(a);
      if (!flow) return;
      const type = kind === EVENT.guaranteed ? 'qos.guaranteed' : 'qos.not-guaranteed';
      heard.push({ type, t, supi: flow.supi, flowId: flow.id, cellId: idOf(b) });
      return;
    }
    if (u < firstNamed) return;
    const supi = supiOf(u);
    if (kind === EVENT.handover) {
      const rat = cells[b]?.rat as Rat;
      heard.push({ type: 'handover', t, supi, fromCell: idOf(a) as string, toCell: idOf(b) as string, rat });
    } else if (kind === EVENT.ratChange) {
      const [from, to] = [RATS[1 - a] as Rat, RATS[a] as Rat];
      heard.push({ type: 'rat-change', t, supi, from, to, cause: CAUSES[b] as keyof typeof RAT_CAUSE });
    } else if (kind === EVENT.radioLinkFailure) {
      heard.push({ type: 'radio-link-failure', t, supi, cellId: idOf(a) as string });
    }
  });
  return heard;
}
