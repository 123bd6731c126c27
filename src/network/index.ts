import type { Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { SbiClient, type SbiExchange } from '../sbi/index.ts';
import { CoreNetwork } from './core/index.ts';
import { type FaultInjection, faultInjection } from './fault-injection.ts';
import type { NetworkEvent, Region, Simulation, SimulationOptions } from './model.ts';
import {
  Duties,
  establishSession,
  instanceIdOf,
  introduce,
  type NetworkFunction,
  type NfContext,
  type NfType,
  Notifier,
  PCF_SERVICES,
  PolicyEngine,
  SmfEvents,
  SmfSet,
  startAmf,
  startBsf,
  startCompute,
  startGnb,
  startNef,
  startNrf,
  startNwdaf,
  startOam,
  startPcf,
  startSmf,
  startStorage,
  startTelematics,
  startUdm,
  startUpf,
} from './nf/index.ts';
import { type Harm, harm, type ServiceQuality, serviceQuality } from './quality.ts';
import { createSimulation } from './sim/index.ts';
import { GridNetwork, LiveTuning, type Scope, type WorldCopy, type WorldFile } from './worlds/index.ts';

/** PCFs in their set, and SMFs in theirs. */
const INSTANCES = 2;

export { parseTrace } from './trace.ts';
export {
  PARAMETERS,
  readWorld,
  runWorld,
  shippedWorlds,
  WhatIf,
  type WorldCopy,
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

export interface OutsidePeers {
  /** Everything registers and is discovered there. */
  nrf?: string;
  /** Decides on the policy of all PDU sessions and serves applications. */
  pcf?: string;
  /** Gets the A1 policies that are given to the gNBs. */
  a1?: string;
}

/** Parameters of a world by order, and how it does. KPIs and parameters are in docs/explore.md. */
export interface NetworkTuning {
  /** The world as it is now, for a sandbox. */
  copy(): WorldCopy;
  /** Sets parameters in a scope; what the id set before is replaced. Rejects with NETWORK_GRID_INVALID. */
  apply(id: string, parameters: Readonly<Record<string, number>>, scope: Scope): Promise<void>;
  /** Takes back what the id set, if anything. */
  undo(id: string): Promise<void>;
  /** KPIs of the scope over the next `seconds` of network time; rejects with the reason of the signal. */
  measure(scope: Scope, seconds: number, signal: AbortSignal): Promise<Record<string, number>>;
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
  /** Breaks parts of the network on purpose, and mends them. */
  readonly faults: FaultInjection;
  /** Sets and copies the world under assurance; undefined in the simulation without a scenario world. */
  readonly tuning: NetworkTuning | undefined;
  /** All functions report load to the NRF now; else each does with its heart-beat. */
  beat(): Promise<void>;
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
  /** Sees every request of a function that was answered. */
  observe?: (exchange: SbiExchange) => void;
  /** Functions outside that stand in the place of simulated ones, as API roots. */
  peers?: OutsidePeers;
  /** Functions want an access token of the NRF from whoever asks them. */
  oauth2?: boolean;
}): Promise<NetworkHandle> {
  const { env, host } = options;
  const core: CoreNetwork = new CoreNetwork({ regions: () => simulation.regions().map(({ id }) => id) });
  // Faults are of the world, not of who operates it: they strike both.
  const settings = { ...options.simulation, shapePath: core.transport.shape.bind(core.transport) };
  const simulation = simulationOf(settings, options.world);
  const twin = simulationOf(settings, options.world);
  const client = new SbiClient({ env, ...(options.observe && { observe: options.observe }) });
  const clients = [client];
  const duties = new Duties(env.log);
  const notifier = new Notifier({ env, client, duties });
  const functions: NetworkFunction[] = [];
  const started = async <F extends NetworkFunction>(starting: Promise<F>): Promise<F> => {
    const one = await starting;
    functions.push(one);
    return one;
  };
  let smfs: SmfSet | undefined;
  const close = async () => {
    await duties.settled();
    smfs?.close();
    // The NRF came first and goes last: all others take their profiles out of it.
    for (const one of functions.splice(0).reverse()) await one.close();
    await Promise.all(clients.map((one) => one.close()));
  };
  try {
    const { peers = {} } = options;
    const own = peers.nrf === undefined ? await started(startNrf({ env, host, notifier })) : undefined;
    const nrf = own?.url ?? (peers.nrf as string);
    const advances = new Set<() => void>();
    const context: NfContext = {
      env,
      host,
      nrf,
      client,
      simulation,
      core,
      duties,
      notifier,
      advances,
      ...(options.oauth2 === true && own !== undefined && { tokens: own.guard }),
      ...(peers.a1 !== undefined && { a1: peers.a1 }),
    };
    /** With tokens every function asks under its own name. */
    const as = (nfType: NfType): NfContext => {
      if (context.tokens === undefined) return context;
      const identity = { nrf, nfInstanceId: instanceIdOf(nfType), nfType };
      const one = new SbiClient({ env, identity, ...(options.observe && { observe: options.observe }) });
      clients.push(one);
      return { ...context, client: one };
    };
    await started(startBsf(as('BSF')));
    const policies = new PolicyEngine(as('PCF'));
    const sessions = new SmfSet(as('SMF'), new SmfEvents(context));
    if (peers.pcf !== undefined) await started(introduce(context, 'PCF', peers.pcf, PCF_SERVICES));
    else for (let n = 0; n < INSTANCES; n++) await started(startPcf(as('PCF'), policies, n));
    for (let n = 0; n < INSTANCES; n++) await started(startSmf(as('SMF'), sessions, n));
    smfs = sessions;
    advances.add(() => sessions.afterAdvance());
    context.amf = (await started(startAmf(context))).url;
    await started(startNwdaf(as('NWDAF')));
    await started(startUdm(as('UDM')));
    await started(startUpf(context, sessions));
    await started(startNef(as('NEF')));
    await started(startCompute(as('COMPUTE')));
    await started(startStorage(as('STORAGE')));
    const gnb = await started(startGnb(context));
    const faults = faultInjection({ core, functions, simulations: [simulation, twin] });
    await started(startOam(as('OAM'), faults, functions));
    const telematics = await started(startTelematics(context, twin));
    await establishSession(as('AMF'), options.simulation.supi);
    await duties.settled();
    // Of several instances the first.
    const nfs = Object.fromEntries([...functions].reverse().map(({ nf, url }) => [nf, url]));

    return {
      nrf,
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
        for (const advanced of advances) advanced();
        await duties.settled();
      },
      faults,
      tuning: simulation instanceof GridNetwork ? new LiveTuning(simulation) : undefined,
      async beat() {
        await Promise.all(functions.map((one) => one.beat()));
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
  return new GridNetwork(world, options);
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
