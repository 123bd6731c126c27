import type { Brought } from './bring.ts';
import type { LogLevel } from './env.ts';
import type { NetMcpOptions } from './netmcp.ts';
import type { TrustOptions } from './trust.ts';
import type { WorkflowOptions } from './workflows/service.ts';

/** How a runtime is started; the command line fills it from its flags. */
export interface RuntimeOptions {
  /** Seed of the simulated network. */
  seed: number;
  host: string;
  /** 0 takes any free port. */
  ports: { http: number; mqtt: number; ws: number; grpc?: number };
  /** URL of an MQTT 5 broker that is used instead of the embedded one. */
  broker?: string;
  /** What of an accepted task survives: `write` a killed process, `fsync` (default) a loss of power. */
  durability?: 'write' | 'fsync';
  /** Who may join the embedded bus, and how; open on loopback if absent. */
  access?: BusAccess;
  /** Whose cards are believed, and who is let in; everybody if absent. */
  trust?: TrustOptions;
  /** How NetMCP is run. */
  netmcp?: NetMcpOptions;
  /** Agents behind HTTP elsewhere that are brought onto the bus. */
  bring?: Brought[];
  /** Hosts and CIDR blocks that webhooks may reach though they are private; these also by `http:`. */
  pushAllow?: string[];
  /** Network functions outside in the place of simulated ones, as API roots. */
  peers?: { nrf?: string; pcf?: string; a1?: string };
  /** YAML file of the QoS profiles that are offered by CAMARA's APIs; those that ship if absent. */
  camara?: string;
  /** How workflows are run. */
  workflows?: WorkflowOptions;
  /** Folder of the store. */
  dataDir: string;
  /** Place where the subscriber is at the start. */
  home: string;
  /** IANA time zone of the user. */
  timeZone: string;
  logLevel: LogLevel;
  /** Scenario world in place of the traveller's regions: name or YAML file; `seed` in place of its own. */
  world?: { source: string; seed?: number };
  /** CSV of a measured drive. */
  traceFile?: string;
  /** Factor of network time to wall time; absent = lock-step. */
  speed?: number;
  /** Network time at the start, ms since the epoch; absent = now. */
  now?: number;
  /** Folders of agents beside the built-in ones. */
  agents?: string[];
}

export interface BusAccess {
  /** Address of the bus alone; `host` if absent. Anything but loopback needs authentication. */
  host?: string;
  /** Passwords by agent id. */
  credentials?: string;
  /** With `ca`, agents may also join by a certificate that one of its authorities signed. */
  tls?: { cert: string; key: string; ca?: string };
}

export interface ReadyInfo {
  console: string;
  a2a: string;
  /** API root of CAMARA's quality-on-demand, qos-profiles and qos-provisioning. */
  camara: string;
  /** `host:port` of the central agent over gRPC. */
  grpc?: string;
  mqtt: string;
  /** Only where the broker is the embedded one. */
  ws?: string;
  /** `issuer`: the authorisation server, where tokens are needed. */
  netmcp: { management: string; servers: string[]; issuer?: string };
  /** API root of the NRF: HTTP/2 with prior knowledge. */
  nrf: string;
  /** What an accepted task and what was learnt survive. */
  durability: 'write' | 'fsync';
  agents: number;
  tools: number;
  cells: number;
}

/** The subscriber whose services are assured (test PLMN 001-01). */
export const SUBSCRIBER = 'imsi-001010000000001';
