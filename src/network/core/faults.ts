import { z } from 'zod';

const percent = z.number().min(0).max(100);
const snssai = z.object({ sst: z.number().int().min(0).max(255), sd: z.string().optional() });

/** What can be broken on purpose, and where. */
export const faultRequest = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('link-cut'), link: z.string().min(1) }),
  /** `load` is the utilisation that others bring, percent of the capacity. */
  z.object({ kind: z.literal('link-congested'), link: z.string().min(1), load: percent.max(99) }),
  z.object({ kind: z.literal('nf-dead'), instance: z.string().min(1) }),
  /** Of a hundred requests so many are refused with 503 and NF_CONGESTION. */
  z.object({ kind: z.literal('nf-overload'), instance: z.string().min(1), refused: percent }),
  /** The data network is no longer configured in the slice. */
  z.object({ kind: z.literal('misconfiguration'), sNssai: snssai, dnn: z.string().min(1) }),
  z.object({ kind: z.literal('site-down'), site: z.string().min(1) }),
  z.object({ kind: z.literal('cell-down'), cell: z.string().min(1) }),
]);
export type FaultRequest = z.output<typeof faultRequest>;
export type Fault = FaultRequest & { id: string };

/** The faults that are there now. Knows none of what they break: those parts look here. */
export class Faults {
  readonly #faults = new Map<string, Fault>();
  #serial = 0;

  add(request: FaultRequest): Fault {
    const fault = { ...request, id: `fault-${++this.#serial}` };
    this.#faults.set(fault.id, fault);
    return fault;
  }

  /** The fault that is gone, undefined where there was none of this id. */
  remove(id: string): Fault | undefined {
    const fault = this.#faults.get(id);
    this.#faults.delete(id);
    return fault;
  }

  list(): Fault[] {
    return [...this.#faults.values()];
  }

  of<K extends Fault['kind']>(kind: K): Array<Extract<Fault, { kind: K }>> {
    return this.list().filter((fault): fault is Extract<Fault, { kind: K }> => fault.kind === kind);
  }
}
