import type { Env } from '../../../machines/ports.ts';
import type { SbiClient } from '../../sbi/index.ts';
import type { CoreNetwork } from '../core/index.ts';
import type { Simulation } from '../model.ts';
import type { Duties } from './duties.ts';
import type { Notifier } from './notifier.ts';
import type { TokenGuard } from './token-guard.ts';

/** What every network function is given. */
export interface NfContext {
  env: Env;
  host: string;
  /** API root of the NRF. */
  nrf: string;
  client: SbiClient;
  simulation: Simulation;
  core: CoreNetwork;
  /** Requests that follow from what happens in the network; `advanceTo` waits for them. */
  duties: Duties;
  notifier: Notifier;
  /** Called whenever network time has moved, before duties are settled. */
  advances: Set<() => void>;
  /** Where functions want an access token of their consumers. */
  tokens?: TokenGuard;
  /** API root of an A1 endpoint outside that gets the policies of the gNBs. */
  a1?: string;
  /** API root of the AMF, once it is there: where the SMF tells what becomes of sessions. */
  amf?: string;
}
