export interface Snssai {
  sst: number;
  sd?: string | undefined;
}

export interface Slice {
  sNssai: Snssai;
  dnns: string[];
  maxPduSessions: number;
}

/** Causes of TS 29.502 table 6.1.7.3-1. */
export type SliceRefusal = 'SNSSAI_DENIED' | 'DNN_DENIED' | 'INSUFFICIENT_RESOURCES_SLICE';

export const sliceName = ({ sst, sd }: Snssai) => `${sst}${sd === undefined ? '' : `-${sd.toLowerCase()}`}`;

/** Slices of the operator and the PDU sessions in each (admission of TS 23.501 5.15.11). */
export class Slices {
  readonly #slices: Map<string, Slice>;
  readonly #sessions = new Map<string, Set<string>>();
  /** DNNs that a wrong configuration took out of a slice. */
  readonly #lost: (slice: string, dnn: string) => boolean;

  constructor(slices: readonly Slice[], lost: (slice: string, dnn: string) => boolean = () => false) {
    this.#slices = new Map(slices.map((slice) => [sliceName(slice.sNssai), slice]));
    this.#lost = lost;
  }

  /** Admits a session or says why not; nothing has changed then. */
  admit(sNssai: Snssai, dnn: string, session: string): SliceRefusal | undefined {
    const name = sliceName(sNssai);
    const slice = this.#slices.get(name);
    if (slice === undefined) return 'SNSSAI_DENIED';
    if (!slice.dnns.includes(dnn) || this.#lost(name, dnn)) return 'DNN_DENIED';
    const sessions = this.#sessions.get(name) ?? new Set();
    if (!sessions.has(session) && sessions.size >= slice.maxPduSessions)
      return 'INSUFFICIENT_RESOURCES_SLICE';
    this.#sessions.set(name, sessions.add(session));
    return undefined;
  }

  release(session: string): void {
    for (const sessions of this.#sessions.values()) sessions.delete(session);
  }

  /** Sessions and the share of the limit that they take, 0..1, slice by slice. */
  use(): Array<{ sNssai: Snssai; sessions: number; share: number }> {
    return [...this.#slices].map(([name, { sNssai, maxPduSessions }]) => {
      const sessions = this.#sessions.get(name)?.size ?? 0;
      return { sNssai, sessions, share: sessions / maxPduSessions };
    });
  }
}
