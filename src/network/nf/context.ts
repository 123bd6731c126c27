import type { Env } from '../../../machines/ports.ts';
import type { SbiClient } from '../../sbi/index.ts';
import type { Simulation } from '../model.ts';
import type { Duties } from './duties.ts';
import type { Notifier } from './notifier.ts';

/** What every network function is given. */
export interface NfContext {
  env: Env;
  host: string;
  /** API root of the NRF. */
  nrf: string;
  client: SbiClient;
  simulation: Simulation;
  /** Requests that follow from what happens in the network; `advanceTo` waits for them. */
  duties: Duties;
  notifier: Notifier;
}
