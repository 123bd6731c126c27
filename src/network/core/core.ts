import { AddressPool } from './addresses.ts';
import { Faults } from './faults.ts';
import { Sites } from './sites.ts';
import { type Slice, Slices, sliceName } from './slices.ts';
import { ObjectStore } from './storage.ts';
import { Transport } from './transport.ts';
import { Upfs } from './upfs.ts';

/** Slices that an operator has where nothing else is said: eMBB, URLLC, massive IoT. */
const SLICES: readonly Slice[] = [
  { sNssai: { sst: 1 }, dnns: ['internet', 'ims'], maxPduSessions: 10_000 },
  { sNssai: { sst: 2, sd: '000001' }, dnns: ['internet', 'factory'], maxPduSessions: 100 },
  { sNssai: { sst: 3 }, dnns: ['iot'], maxPduSessions: 50_000 },
];

/** Core and transport of the network, without its radio. Deterministic: no clock, no randomness. */
export class CoreNetwork {
  readonly faults = new Faults();
  readonly addresses = new AddressPool();
  readonly upfs = new Upfs();
  readonly objects = new ObjectStore();
  readonly transport: Transport;
  readonly slices: Slices;
  readonly sites: Sites;

  constructor(options: { regions: () => readonly string[]; slices?: readonly Slice[] }) {
    this.transport = new Transport(this.faults);
    this.sites = new Sites(options.regions, this.faults);
    this.slices = new Slices(options.slices ?? SLICES, (slice, dnn) =>
      this.faults
        .of('misconfiguration')
        .some((fault) => sliceName(fault.sNssai) === slice && fault.dnn === dnn),
    );
  }
}
