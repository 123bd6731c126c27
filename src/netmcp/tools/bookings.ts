/** What a call that succeeded holds in the network from then on, as far as rules want to know it. */
export interface Booking {
  id: string;
  supi: string;
  /** Cells with a dedicated share; empty for a QoS session. */
  cells: string[];
  /** Percent of the resource blocks of each of the cells. */
  ratio: number;
  dlMbps: number;
  ulMbps: number;
  /** Network time, ms; null: open. */
  start: number | null;
  end: number | null;
}

export type BookingChange =
  | { kind: 'hold'; booking: Booking }
  | { kind: 'change'; id: string; dlMbps?: number; ulMbps?: number }
  | { kind: 'free'; id: string };

type Values = Record<string, unknown>;

const text = (value: unknown) => (typeof value === 'string' ? value : '');
const number = (value: unknown) => (typeof value === 'number' ? value : 0);
const time = (value: unknown) => (typeof value === 'number' ? value : null);

const qosSession = (args: Values, output: Values): BookingChange => ({
  kind: 'hold',
  booking: {
    id: text(output.sessionId),
    supi: text(args.supi),
    cells: [],
    ratio: 0,
    dlMbps: number(args.dlMbps),
    ulMbps: number(args.ulMbps),
    start: null,
    end: null,
  },
});

const READERS = new Map<string, (args: Values, output: Values) => BookingChange>([
  [
    'ran_reserve_prbs',
    (args, output) => ({
      kind: 'hold',
      booking: {
        id: text(output.policyId),
        supi: text(args.supi),
        cells: (args.cellIds ?? []) as string[],
        ratio: number(args.ratio),
        dlMbps: 0,
        ulMbps: 0,
        start: time(args.start),
        end: time(args.end),
      },
    }),
  ],
  ['ran_release_prbs', (args) => ({ kind: 'free', id: text(args.policyId) })],
  ['ran_release_policy', (args) => ({ kind: 'free', id: text(args.policyId) })],
  ['core_create_qos_session', qosSession],
  ['core_assure_service', qosSession],
  [
    'core_modify_qos_session',
    (args) => ({
      kind: 'change',
      id: text(args.sessionId),
      ...(args.dlMbps !== undefined && { dlMbps: number(args.dlMbps) }),
      ...(args.ulMbps !== undefined && { ulMbps: number(args.ulMbps) }),
    }),
  ],
  ['core_release_qos_session', (args) => ({ kind: 'free', id: text(args.sessionId) })],
]);

/** What a successful call of a tool changed in what is held; undefined: nothing that rules look at. */
export function bookingOf(tool: string, args: Values, output: Values): BookingChange | undefined {
  return READERS.get(tool)?.(args, output);
}
