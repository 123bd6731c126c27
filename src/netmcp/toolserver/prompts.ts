import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { Identity } from '../session/server-session.ts';
import type { PromptSide } from '../session/surface.ts';
import type { Shelf } from './shelf.ts';

interface Argument {
  name: string;
  description: string;
  required: boolean;
  /** What fits; all else is refused, so that a prompt carries nothing but what it asks for. */
  pattern: RegExp;
  values?: (shelf: Offered) => string[];
}

interface Operation {
  name: string;
  title: string;
  description: string;
  arguments: Argument[];
  goal(args: ReadonlyMap<string, string>): string;
  /** In order; those whose tool the server does not offer are left out. */
  steps: Array<{ tool: string; text: string }>;
  close: string;
}

const cell: Argument = {
  name: 'cellId',
  description: 'Cell id, 7 to 9 hexadecimal digits',
  required: true,
  pattern: /^[0-9a-f]{7,9}$/i,
};
const supi: Argument = {
  name: 'supi',
  description: 'Subscriber, imsi- and digits',
  required: true,
  pattern: /^imsi-[0-9]{5,15}$/,
};
const SERVICES = ['gaming', 'live-stream', 'video-conference', 'video-streaming', 'voice-call'];
const service: Argument = {
  name: 'service',
  description: `Kind of service: ${SERVICES.join(', ')}`,
  required: true,
  pattern: /^[a-z][a-z-]{0,31}$/,
  values: () => SERVICES,
};
const rate = (name: string, what: string): Argument => ({
  name,
  description: `${what}, Mbit/s`,
  required: false,
  pattern: /^\d{1,5}(\.\d{1,3})?$/,
});
const delay: Argument = {
  name: 'maxDelayMs',
  description: 'Delay up to which the service works, ms',
  required: false,
  pattern: /^\d{1,5}$/,
};
const given = (args: ReadonlyMap<string, string>, name: string, word: string) =>
  args.has(name) ? ` ${word} ${args.get(name)}.` : '';

/** Common operations of a network, as far as one server's tools go. */
const OPERATIONS: Operation[] = [
  {
    name: 'diagnose_cell',
    title: 'Diagnose a cell',
    description: 'Finds out whether a cell is congested, now or soon, and what would relieve it.',
    arguments: [cell],
    goal: (args) => `Find out how cell ${args.get('cellId')} is and whether it needs relief.`,
    steps: [
      { tool: 'ran_collect_cell_kpis', text: 'read its counters: use of resource blocks, users, rates' },
      { tool: 'core_predict_congestion', text: 'read the congestion expected for the next hour' },
      { tool: 'core_predict_qos', text: 'read the rate that it sustains for one more user' },
      { tool: 'transport_read_paths', text: 'read the paths behind it, to tell radio from transport' },
    ],
    close:
      'Above 85 percent of the resource blocks call it congested. Say which counters show it, since when, and what you would change; change nothing yourself.',
  },
  {
    name: 'assure_service',
    title: 'Assure a service of a subscriber',
    description: 'Looks at what a subscriber has, reserves what is missing, and checks that it holds.',
    arguments: [supi, service, rate('dlMbps', 'Downlink rate'), rate('ulMbps', 'Uplink rate'), delay],
    goal: (args) =>
      `Assure the service ${args.get('service')} of subscriber ${args.get('supi')}.${given(args, 'dlMbps', 'Downlink, Mbit/s:')}${given(args, 'ulMbps', 'Uplink, Mbit/s:')}${given(args, 'maxDelayMs', 'Delay, ms:')}`,
    steps: [
      { tool: 'core_locate_ue', text: 'find the cell of the subscriber' },
      { tool: 'ran_read_ue_radio', text: 'read its radio: weak coverage is not cured by a QoS session' },
      { tool: 'core_predict_qos', text: 'see what the cell sustains in the window' },
      {
        tool: 'core_create_qos_session',
        text: 'create the session, first with dryRun, then with an idempotency key',
      },
      { tool: 'ran_reserve_prbs', text: 'reserve resource blocks only if the cell is congested' },
      {
        tool: 'core_read_qos_session',
        text: 'check that the guarantee holds, and again while the service runs',
      },
      { tool: 'core_release_qos_session', text: 'release it when the service ends' },
    ],
    close:
      'Where a call is refused, keep to the range that the refusal names; do not split a call to get around a limit.',
  },
  {
    name: 'release_all',
    title: 'Give everything back',
    description: 'Releases what was reserved for a subscriber.',
    arguments: [supi],
    goal: (args) =>
      `Give back everything that was reserved for subscriber ${args.get('supi')} in your calls.`,
    steps: [
      { tool: 'core_release_qos_session', text: 'each QoS session that you created' },
      { tool: 'ran_release_policy', text: 'each radio policy: reservations, presets, priorities' },
    ],
    close: 'Read the resource of your last calls for the ids. Release each one once.',
  },
  {
    name: 'correct_call',
    title: 'Correct a refused call',
    description: 'Shows the definition of a tool beside the operator limits, to correct a refused call.',
    arguments: [
      {
        name: 'tool',
        description: 'Name of the tool',
        required: true,
        pattern: /^[A-Za-z0-9_.-]{1,128}$/,
        values: (shelf) => shelf.list().map(({ tool }) => tool.name),
      },
    ],
    goal: (args) => `A call of ${args.get('tool')} was refused. Correct it.`,
    steps: [],
    close:
      'The refusal names the step (schema, constraint, policy, expert, human), the parameter, the rule and the allowed range. Change that parameter alone, try with dryRun, then call.',
  },
];

/** The tools that one caller may use. */
export type Offered = Pick<Shelf, 'get' | 'list'>;

/** Prompts of a server, for those operations that its tools can do for a caller. */
export function promptsOf({
  serverId,
  shelfFor,
}: {
  serverId: string;
  shelfFor(identity: Identity): Offered;
}) {
  const root = `netmcp://server/${encodeURIComponent(serverId)}`;
  const offered = (shelf: Offered) =>
    OPERATIONS.filter(
      ({ steps }) => steps.length === 0 || steps.some(({ tool }) => shelf.get(tool) !== undefined),
    );

  const side: PromptSide = {
    list: (_, { identity }) =>
      offered(shelfFor(identity)).map(({ name, title, description, arguments: args }) => ({
        name,
        title,
        description,
        arguments: args.map(({ name, description, required }) => ({ name, description, required })),
      })),
    get(name, values, _, { identity }) {
      const shelf = shelfFor(identity);
      const operation = offered(shelf).find((each) => each.name === name);
      if (operation === undefined) return undefined;
      const args = read(operation, values);
      const steps = operation.steps
        .filter(({ tool }) => shelf.get(tool) !== undefined)
        .map(({ tool, text }, index) => `${index + 1}. ${tool}: ${text}.`);
      const text = [operation.goal(args), ...steps, operation.close].join('\n');
      const about = shelf.get(args.get('tool') ?? '');
      const definition = about?.definition;
      if (args.has('tool') && definition === undefined)
        throw new RpcError(INVALID_PARAMS, 'Argument tool: this server has no such tool');
      return {
        description: operation.description,
        messages: [
          { role: 'user' as const, content: { type: 'text' as const, text } },
          ...(definition === undefined
            ? []
            : [
                {
                  role: 'user' as const,
                  content: {
                    type: 'resource' as const,
                    resource: {
                      uri: `${root}/tools/${args.get('tool')}`,
                      mimeType: 'application/json',
                      text: JSON.stringify(definition),
                    },
                  },
                },
              ]),
        ],
      };
    },
  };
  return {
    side,
    /** What an argument may be, for completion. */
    values(prompt: string, argument: string, identity: Identity): string[] {
      const shelf = shelfFor(identity);
      const operation = offered(shelf).find((each) => each.name === prompt);
      return operation?.arguments.find(({ name }) => name === argument)?.values?.(shelf) ?? [];
    },
  };
}

/** @throws RpcError -32602 with the argument and what it should be */
function read(operation: Operation, values: Record<string, string>): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  for (const { name, description, required, pattern } of operation.arguments) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined || value === '') {
      if (required) throw new RpcError(INVALID_PARAMS, `Argument ${name} is missing: ${description}`);
      continue;
    }
    if (!pattern.test(value)) throw new RpcError(INVALID_PARAMS, `Argument ${name}: ${description}`);
    args.set(name, value);
  }
  return args;
}
