import type { Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { SbiClient } from '../sbi/index.ts';
import type { NetworkEvent, Region, Simulation, SimulationOptions } from './model.ts';
import {
  Duties,
  establishSession,
  type NetworkFunction,
  type NfContext,
  Notifier,
  startAmf,
  startGnb,
  startNrf,
  startNwdaf,
  startPcf,
  startSmf,
  startTelematics,
  startUdm,
  startUpf,
} from './nf/index.ts';
import { type Harm, harm, type ServiceQuality, serviceQuality } from './quality.ts';
import { createSimulation } from './sim/index.ts';
import { GridNetwork, type WorldFile } from './worlds/index.ts';

export { parseTrace } from './trace.ts';
export {
  readWorld,
  runWorld,
  shippedWorlds,
  type WorldFile,
  type WorldSample,
} from './worlds/index.ts';

/** The same as a type literal, which goes where any record is taken. */
type Plain<T> = { [K in keyof T]: T[K] };

/** What assurance brought to the service of a subscriber, and what it cost the others. */
export interface NetworkEvaluation {
  service: string;
  targets: { dlMbps: number; ulMbps: number; maxDelayMs: number };
  assured: Plain<ServiceQuality>;
  unassured: Plain<ServiceQuality>;
  harm: Plain<Harm>;
}

export interface NetworkHandle {
  /** API roots. */
  readonly nrf: string;
  readonly telematics: string;
  readonly gnbManagement: string;
  /** API root of every function, by NF type. */
  readonly nfs: Readonly<Record<string, string>>;
  /** Cells deployed by now. */
  readonly cells: number;
  /** Network time, ms since the epoch. */
  readonly now: number;
  /** Takes both worlds to `t`; resolves when everything that follows from it has been delivered. */
  advanceTo(t: number): Promise<void>;
  /** Events of the world under assurance; gives the way to stop hearing. */
  onEvent(listener: (event: NetworkEvent) => void): () => void;
  /** Regions deployed by now. */
  regions(): Region[];
  /** Undefined for who has no trip, and before the first second of its service. */
  evaluation(supi: string): NetworkEvaluation | undefined;
  close(): Promise<void>;
}

/**
 * Starts the network: a simulated world with its network functions on HTTP/2, and its twin that nobody
 * operates. `world` is a scenario world in place of the traveller's regions; seed and place are its own
 * then. Rejects with NETWORK_REGION_UNKNOWN, WORLD_UNSUPPORTED where the world has not the subscriber, or
 * the socket's error where a port cannot be had; what had started is closed then.
 */
export async function startNetwork(options: {
  env: Env;
  simulation: SimulationOptions;
  world?: WorldFile;
  host: string;
}): Promise<NetworkHandle> {
  const { env, host } = options;
  const simulation = simulationOf(options.simulation, options.world);
  const twin = simulationOf(options.simulation, options.world);
  const client = new SbiClient({ env });
  const duties = new Duties(env.log);
  const notifier = new Notifier({ env, client, duties });
  const functions: NetworkFunction[] = [];
  const started = async <F extends NetworkFunction>(starting: Promise<F>): Promise<F> => {
    const one = await starting;
    functions.push(one);
    return one;
  };
  const close = async () => {
    await duties.settled();
    // The NRF came first and goes last: all others take their profiles out of it.
    for (const one of functions.splice(0).reverse()) await one.close();
    await client.close();
  };
  try {
    const nrf = await started(startNrf({ env, host, notifier }));
    const context: NfContext = { env, host, nrf: nrf.url, client, simulation, duties, notifier };
    await started(startPcf(context));
    const smf = await started(startSmf(context));
    await started(startAmf(context));
    await started(startNwdaf(context));
    await started(startUdm(context));
    await started(startUpf(context));
    const gnb = await started(startGnb(context));
    const telematics = await started(startTelematics(context, twin));
    await establishSession(context, options.simulation.supi);
    const nfs = Object.fromEntries(functions.map(({ nf, url }) => [nf, url]));

    return {
      nrf: nrf.url,
      telematics: telematics.url,
      gnbManagement: gnb.url,
      nfs,
      get cells() {
        return simulation.regions().reduce((sum, region) => sum + simulation.cells(region.id).length, 0);
      },
      get now() {
        return simulation.now;
      },
      async advanceTo(t) {
        simulation.advanceTo(t);
        twin.advanceTo(t);
        smf.afterAdvance();
        await duties.settled();
      },
      onEvent: (listener) => simulation.onEvent(listener),
      regions: () => simulation.regions(),
      evaluation: (supi) => evaluate(simulation, twin, supi),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function simulationOf(options: SimulationOptions, world: WorldFile | undefined): Simulation {
  if (world === undefined) return createSimulation(options);
  const unsupported = (problem: string) => fail('WORLD_UNSUPPORTED', { world: world.file, problem });
  if (options.trace)
    throw unsupported('a measured drive is given to a UE in the world itself, by its field trace');
  if (!world.description.ues.some(({ supi }) => supi === options.supi))
    throw unsupported(`none of its UEs has the SUPI ${options.supi} of the subscriber under assurance`);
  return new GridNetwork(world, options.startTime);
}

function evaluate(simulation: Simulation, twin: Simulation, supi: string): NetworkEvaluation | undefined {
  const service = simulation.trip(supi)?.service;
  if (service === undefined) return undefined;
  const seconds = simulation.serviceSeconds(supi);
  if (seconds.length === 0) return undefined;
  const { name, dlMbps, ulMbps, maxDelayMs } = service;
  return {
    service: name,
    targets: { dlMbps, ulMbps, maxDelayMs },
    assured: serviceQuality(seconds, service),
    unassured: serviceQuality(twin.serviceSeconds(supi), service),
    harm: harm(simulation.othersMeanDl(supi), twin.othersMeanDl(supi)),
  };
}
