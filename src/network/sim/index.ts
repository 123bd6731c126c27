import type { Simulation, SimulationOptions } from '../model.ts';
import { RadioNetwork } from './simulation.ts';

/**
 * Builds the simulated radio network. Throws NETWORK_REGION_UNKNOWN if no place is called as
 * `homeRegion`; `bookTrip` throws the same for the destination, NETWORK_TRIP_INVALID for windows that
 * cannot be, and NETWORK_SUBSCRIBER_UNKNOWN for anybody else's trip.
 */
export function createSimulation(options: SimulationOptions): Simulation {
  return new RadioNetwork(options);
}
