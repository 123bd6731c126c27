import type { Profile } from './traffic.ts';
import type { Tuning } from './tuning.ts';

/** Who the UEs are. Shares are of all; what is left of 1 are vehicles on the streets. */
export interface Population {
  /** Sits in a building. */
  indoor?: number;
  pedestrians?: number;
  /** Vehicles on the layout's routes. */
  routes?: number;
  /** m/s, uniform between. */
  vehicleMps?: readonly [number, number];
  routeMps?: readonly [number, number];
  /** Habits of traffic; their shares sum to 1. */
  profiles?: readonly Profile[];
}

/** A UE that is placed by hand: on a route, or on the streets without one. */
export interface Traveller {
  speedMps: number;
  route?: number;
  /** Metres from the start of the route. */
  alongM?: number;
  /** Loss into the vehicle, dB. */
  lossDb?: number;
  profile: Profile;
}

export interface GridOptions {
  seed: number;
  /** UEs of the population; travellers come on top, with the last indices. */
  ues: number;
  population?: Population;
  travellers?: readonly Traveller[];
  /** Length of a tick, 100 to 1000 ms; default 1000. */
  tickMs?: number;
  /** Nearest sites whose cells a UE measures; default 7. */
  candidateSites?: number;
  /** Least and most load of a cell by subscribers that are not simulated, share of the PRBs. */
  ambient?: readonly [number, number];
  tuning?: Partial<Tuning>;
}
