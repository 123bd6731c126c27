import { checks, type Verb } from './args.ts';
import { WORKFLOWS } from './workflows/verb.ts';

const port = checks.integer(0, 65535);

export const SENTENCE =
  'I will fly to Shanghai tomorrow afternoon and have a video conference in the evening. ' +
  'I need network assurance throughout the journey.';

/** The flags that shape a runtime, shared by `start` and `ask`. */
const RUNTIME_FLAGS = {
  seed: {
    value: 'N',
    help: 'seed of the simulated network (default 1, or that of the world)',
    check: checks.integer(0, 4294967295),
  },
  world: {
    value: 'WORLD',
    help: "scenario world in place of the traveller's regions: a name (netagent network worlds) or a YAML file",
  },
  trace: { value: 'FILE', help: "replays a measured drive (CSV) as the traveller's radio" },
  broker: {
    value: 'URL',
    help: 'MQTT 5 broker to use instead of the embedded one (mqtt, mqtts, ws, wss)',
    check: checks.broker,
  },
  durability: {
    value: 'LEVEL',
    help: 'what an accepted task survives: write (a killed process) or fsync (also loss of power)',
    default: 'fsync',
    check: checks.oneOf('write', 'fsync'),
  },
  data: { value: 'DIR', help: 'folder of the state', default: '.netagent' },
  speed: {
    value: 'X',
    help: 'network time runs X times as fast as wall time (without it: in lock-step with the agents)',
    check: checks.positive,
  },
  now: { value: 'TIME', help: 'network time at the start, ISO 8601 (default: now)', check: checks.instant },
  timezone: { value: 'ZONE', help: 'time zone of the user (default: of this machine)', check: checkZone },
  nrf: {
    value: 'URL',
    help: 'NRF to use instead of the simulated one (HTTP/2 with prior knowledge)',
    check: checks.apiRoot,
  },
  pcf: { value: 'URL', help: 'PCF to use instead of the simulated ones', check: checks.apiRoot },
  a1: { value: 'URL', help: 'A1 endpoint that gets the policies of the gNBs', check: checks.apiRoot },
  home: { value: 'PLACE', help: 'where the subscriber is at the start', default: 'Hangzhou' },
  json: { help: 'JSON lines on standard output' },
  log: {
    value: 'LEVEL',
    help: 'log on standard error: silent, error, warn, info, debug',
    default: 'warn',
    check: checks.oneOf('silent', 'error', 'warn', 'info', 'debug'),
  },
};

export const START: Verb = {
  name: 'start',
  summary: 'starts the runtime: bus, agents, NetMCP, and the simulated network',
  flags: {
    ask: { value: 'TEXT', help: 'sends this request at once' },
    once: { help: 'ends when the request is done' },
    ...RUNTIME_FLAGS,
    host: { value: 'HOST', help: 'address to listen on', default: '127.0.0.1' },
    port: { value: 'N', help: 'port of A2A over HTTP and health; 0 takes any (default 7400)', check: port },
    'grpc-port': {
      value: 'N',
      help: 'port of the central agent over gRPC; 0 takes any (default 7401, or any with --port 0)',
      check: port,
    },
    'mqtt-port': { value: 'N', help: 'port of the bus; 0 takes any (default 1883)', check: port },
    'ws-port': {
      value: 'N',
      help: 'port of the bus over WebSocket; 0 takes any (default 8083)',
      check: port,
    },
    'mqtt-host': {
      value: 'HOST',
      help: 'address of the bus alone; anything but loopback needs --credentials or --tls-ca',
    },
    credentials: { value: 'FILE', help: 'who may join the bus, by password (see netagent credential)' },
    'tls-cert': { value: 'FILE', help: 'certificate of the bus (PEM): both of its ports speak TLS then' },
    'tls-key': { value: 'FILE', help: 'its key' },
    'tls-ca': { value: 'FILE', help: 'authorities whose client certificates name an agent' },
    trust: { value: 'FILE', help: 'public keys that may sign the cards of agents' },
    signatures: {
      value: 'POLICY',
      help: 'list: unsigned agents are marked; require: nothing is routed to them (default list)',
      check: checks.oneOf('list', 'require'),
    },
    approval: {
      value: 'POLICY',
      help: 'auto: who joins may be asked; manual: after "netagent agents approve" (default auto)',
      check: checks.oneOf('auto', 'manual'),
    },
    'card-key': { value: 'FILE', help: "signs the cards of this runtime's agents (see netagent key)" },
    bring: {
      value: 'LIST',
      help: 'agents behind HTTP elsewhere, URL=ORG/UNIT/AGENT by comma: each becomes that agent on the bus',
      check: checks.brought,
    },
    policy: { value: 'FILE', help: "operator's limits on tool calls (YAML), in place of those that ship" },
    adopt: {
      value: 'LIST',
      help: 'plain MCP servers whose tools are to appear: ID=URL or ID=COMMAND ARGS, by comma',
      check: checks.adopted,
    },
    tools: {
      value: 'LIST',
      help: 'tool bundles of `netagent tools import` to serve: FILE or FILE=URL, by comma',
    },
    camara: { value: 'FILE', help: 'QoS profiles for the CAMARA APIs (YAML), in place of those that ship' },
    learn: { help: 'learn recurring sequences of tool calls and offer each as one tool' },
    managers: {
      value: 'N',
      help: 'NetMCP management servers that share one registry',
      default: '1',
      check: checks.integer(1, 5),
    },
    'netmcp-auth': { help: 'NetMCP servers want a token of everybody (OAuth 2.1)' },
    'netmcp-clients': {
      value: 'FILE',
      help: 'clients from outside with their scopes (YAML); implies --netmcp-auth',
    },
    'auth-port': { value: 'N', help: 'port of the authorisation server', default: '7402', check: port },
    'push-allow': {
      value: 'LIST',
      help: 'hosts and CIDR blocks that webhooks may reach though private, by comma',
    },
    workflows: { value: 'DIRS', help: 'folders of workflow templates beside DATA/workflows, by comma' },
    triggers: { value: 'FILE', help: 'what starts workflows by itself (YAML; docs/workflow-triggers.md)' },
    secrets: { value: 'FILE', help: 'secrets that workflows may name (YAML, name: value)' },
    rules: { value: 'FILE', help: 'expert rules in place of those that ship (YAML; docs/explore.md)' },
    autonomy: {
      value: 'N',
      help: 'how much guarded changes may do without a human, 0 to 5 (default 3)',
      check: checks.integer(0, 5),
    },
    'allow-run': { value: 'LIST', help: 'what workflows may run here: shell, js, python, by comma' },
    'allow-hosts': {
      value: 'LIST',
      help: 'hosts, host:port, *.suffix and CIDR blocks that workflows may call though private, by comma',
    },
    'allow-commands': { value: 'LIST', help: 'MCP servers that workflows may start, by comma' },
  },
  examples: ['npm start', `npm start -- --once --ask ${JSON.stringify(SENTENCE)}`],
};

export const ASK: Verb = {
  name: 'ask',
  summary: 'asks the network in plain words; starts a runtime for it, or uses a running one',
  positional: 'TEXT',
  flags: { to: { value: 'URL', help: 'A2A address of a running runtime' }, ...RUNTIME_FLAGS },
  examples: [
    `npx netagent ask ${JSON.stringify(SENTENCE)}`,
    'npx netagent ask --to http://127.0.0.1:7400 "..."',
  ],
};

const TO = {
  to: { value: 'URL', help: 'address of a running runtime', default: 'http://127.0.0.1:7400' },
  json: { help: 'one JSON value on standard output' },
};

export const AGENTS: Verb = {
  name: 'agents',
  summary: 'lists the agents on the bus of a running runtime; lets one in, or shuts it out',
  positional: '[approve ID | revoke ID]',
  flags: TO,
  examples: ['npx netagent agents', 'npx netagent agents approve acme/drones/uav1'],
};

export const TOOLS: Verb = {
  name: 'tools',
  summary:
    'finds the tools of the network functions, calls one, makes tools of OpenAPI, decides on held ones',
  positional: '[QUERY] | call NAME | import FILE|FOLDER | held | approve NAME HASH | reject NAME HASH',
  flags: {
    ...TO,
    client: { value: 'ID', help: 'NetMCP client to come as; its secret stands in NETAGENT_SECRET' },
    args: { value: 'JSON', help: 'arguments of the call', default: '{}' },
    'dry-run': { help: 'call: verify without executing; import: report without writing' },
    dir: { value: 'DIR', help: 'import: folder that the references of FILE may reach' },
    server: {
      value: 'URL',
      help: 'import: API root of the provider; without it, its server URL or the NRF',
      check: checks.http,
    },
    http: {
      value: 'HOW',
      help: 'import: http1, h2, or h2c (HTTP/2 with prior knowledge, as SBI)',
      check: checks.oneOf('http1', 'h2', 'h2c'),
    },
    'token-env': { value: 'NAME', help: "import: environment variable with the provider's bearer token" },
    only: { value: 'GLOB', help: 'import: names or "METHOD /path" to take, * for any text' },
    fill: { value: 'LIST', help: 'import: fields that are always the same, NAME=VALUE by comma' },
    composites: { value: 'FILE', help: 'import: YAML list of composite tools to put into the bundle' },
    out: { value: 'FILE', help: 'import: bundle to write, JSON or YAML (default tools.json)' },
  },
  examples: [
    'npx netagent tools import quality-on-demand.yaml --dir . --server https://api.example',
    'npx netagent tools handover',
    'npx netagent tools "keep the call alive where 5G is weak"',
    `npx netagent tools call ran_read_ue_radio --args '{"supi":"imsi-001010000000001"}'`,
  ],
};

export const CHART: Verb = {
  name: 'chart',
  summary: 'prints a state chart: of a protocol, a role or a workflow; without a name, lists them',
  positional: '[MACHINE | TEMPLATE | FILE]',
  flags: {
    format: {
      value: 'FORMAT',
      help: 'mermaid or json',
      default: 'mermaid',
      check: checks.oneOf('mermaid', 'json'),
    },
    workflows: { value: 'DIRS', help: 'folders of workflow templates beside DATA/workflows, by comma' },
    data: { value: 'DIR', help: 'folder of the state', default: '.netagent' },
    json: { help: 'one JSON value on standard output' },
  },
  examples: [
    'npx netagent chart task',
    'npx netagent chart balance-load',
    'npx netagent chart ./my-workflow.yaml --format json',
  ],
};

export const CONFORMANCE: Verb = {
  name: 'conformance',
  summary: 'checks an agent, a broker or a server against the A2A-over-MQTT or NetMCP profile, item by item',
  positional: 'a2a-mqtt | netmcp',
  flags: {
    url: { value: 'URL', help: 'netmcp: MCP endpoint of a tool server or management server' },
    tool: { value: 'NAME', help: 'netmcp: a tool that may be called (default: one that reads)' },
    args: { value: 'JSON', help: 'netmcp: its arguments', default: '{}' },
    token: { value: 'TOKEN', help: 'netmcp: bearer token, where the server wants one' },
    only: { value: 'NAME', help: 'netmcp: only this check or group of checks; several with commas' },
    broker: { value: 'URL', help: 'MQTT 5 broker', default: 'mqtt://127.0.0.1:1883', check: checks.broker },
    agent: { value: 'ID', help: 'agent to check, org/unit/agent; without it, the broker is checked' },
    as: { value: 'ID', help: 'id under which the kit asks', default: 'conformance/kit/asker' },
    text: { value: 'TEXT', help: 'what the agent is sent', default: 'conformance check' },
    patience: {
      value: 'MS',
      help: 'how long an answer may take',
      default: '5000',
      check: checks.integer(50, 600_000),
    },
    json: { help: 'JSON lines on standard output' },
  },
  examples: [
    'npx netagent conformance a2a-mqtt',
    'npx netagent conformance netmcp --url http://127.0.0.1:8080/mcp',
    'npx netagent conformance a2a-mqtt --broker mqtt://broker:1883 --agent netagent/core/central',
  ],
};

export const CREDENTIAL: Verb = {
  name: 'credential',
  summary: 'makes a password for an agent, and the line for the file of --credentials',
  positional: 'ORG/UNIT/AGENT',
  flags: {
    role: {
      value: 'ROLE',
      help: 'agent, guest or dispatcher',
      default: 'agent',
      check: checks.oneOf('agent', 'guest', 'dispatcher'),
    },
    json: { help: 'one JSON value on standard output' },
  },
  examples: ['npx netagent credential acme/drones/uav1 >> credentials.yaml'],
};

export const KEY: Verb = {
  name: 'key',
  summary:
    'makes a key that signs cards: the private one into a file, the line for --trust on standard output',
  positional: 'NAME',
  flags: {
    out: { value: 'FILE', help: 'file of the private key; it must not exist' },
    json: { help: 'one JSON value on standard output' },
  },
  examples: ['npx netagent key ops-2026 --out ops-2026.key.json >> trust.yaml'],
};

export const NETWORK: Verb = {
  name: 'network',
  summary:
    'runs a scenario world; holds the simulated network against published tables and measured drives; breaks parts of a running one',
  positional: 'validate | worlds | run WORLD | show | fault KIND NAME=VALUE... | clear ID',
  flags: {
    to: {
      value: 'URL',
      help: 'show, fault, clear: address of a running runtime',
      default: 'http://127.0.0.1:7400',
    },
    data: {
      value: 'DIR',
      help: 'validate: folder of the measured data; what is not there is skipped',
      default: '../shared/data',
    },
    for: { value: 'TIME', help: 'run: network time, such as 90s, 10m, 1h', default: '10m', check: checkSpan },
    every: { value: 'TIME', help: 'run: time between two rows of a group', default: '1m', check: checkSpan },
    seed: {
      value: 'N',
      help: 'run: seed in place of that of the world',
      check: checks.integer(0, 4294967295),
    },
    speed: {
      value: 'X',
      help: 'run: network time at most X times as fast as wall time (without it: as fast as it goes)',
      check: checks.positive,
    },
    json: { help: 'JSON lines on standard output' },
  },
  examples: [
    'npx netagent network validate',
    'npx netagent network worlds',
    'npx netagent network run concert --for 5m --every 30s',
    'npx netagent network run my-world.yaml --json',
    'npx netagent network fault link-cut link=link-central-shanghai',
  ],
};

export const VERBS = [START, ASK, AGENTS, TOOLS, WORKFLOWS, CHART, NETWORK, CONFORMANCE, CREDENTIAL, KEY];

function checkSpan(value: string): string | undefined {
  return /^[1-9]\d{0,5}[smh]$/.test(value) ? undefined : 'a time such as 90s, 10m or 1h is needed';
}

function checkZone(value: string): string | undefined {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return undefined;
  } catch {
    return 'an IANA time zone such as Asia/Shanghai is needed';
  }
}
