import { z } from 'zod';
import type { NfTool, ToolMeta } from '../../netmcp/index.ts';
import type { InstanceView, Triggers } from '../../workflow/index.ts';

const trigger = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,99}$/)
  .describe('Id of the trigger, as workflow_list_triggers gives it');
const run = z.string().min(1).max(300).describe('Id of the run, as workflow_start gave it');

interface Definition<I extends z.ZodType<Record<string, unknown>>> {
  name: string;
  title: string;
  description: string;
  labels: string[];
  effects: ToolMeta['effects'];
  input: I;
  output: z.ZodType<Record<string, unknown>>;
  execute(args: z.output<I>, id: () => string): Promise<Record<string, unknown>>;
}

/** A tool that works here and not at a function of the network. */
function own<I extends z.ZodType<Record<string, unknown>>>(definition: Definition<I>): NfTool {
  const { name, title, description, labels, effects, input, output, execute } = definition;
  return {
    name,
    title,
    description,
    input,
    output,
    // A start under the same key is the same start.
    idempotent: true,
    meta: {
      version: '1.0',
      category: 'management',
      kind: 'performance assurance',
      labels,
      serviceArea: [],
      permission: { mode: 'public' },
      constraints: [],
      effects,
      nf: [],
    },
    execute: async (args, context) => output.parse(await execute(input.parse(args), context.id)),
  };
}

/**
 * Tools with which agents and third parties start the workflows that the operator has opened to them by triggers with
 * `on: request`, and look at what came of it. The guards of the trigger hold for everybody together.
 */
export function triggerTools({
  triggers,
  show,
}: {
  triggers: Pick<Triggers, 'list' | 'request'>;
  show(instance: string): InstanceView | undefined;
}): NfTool[] {
  const open = () => triggers.list().filter(({ trigger: { on } }) => on === 'request');
  return [
    own({
      name: 'workflow_list_triggers',
      title: 'List workflows that can be started',
      description:
        'Triggers by which a workflow can be started on request, and how many runs of each there are.',
      labels: ['workflow', 'automation', 'what can be started'],
      effects: 'read',
      input: z.strictObject({}),
      output: z.object({
        triggers: z.array(z.object({ trigger: z.string(), workflow: z.string(), running: z.number() })),
      }),
      execute: async () => ({
        triggers: open().map(({ trigger: { id, workflow }, running }) => ({
          trigger: id,
          workflow,
          running: running.length,
        })),
      }),
    }),
    own({
      name: 'workflow_start',
      title: 'Start a workflow',
      description:
        'Asks for a run of a workflow by its trigger; says whether it was started, or what held it back.',
      labels: ['workflow', 'automation', 'trigger', 'run'],
      effects: 'irreversible',
      input: z.strictObject({
        trigger,
        data: z.record(z.string(), z.unknown()).default({}).describe('Input of the run'),
      }),
      output: z.object({
        started: z.boolean(),
        run: z.string().optional().describe('Id of the run'),
        reason: z.string().optional().describe('What held it back'),
      }),
      async execute(args, id) {
        const outcome = await triggers.request(args.trigger, args.data, {
          source: '/netagent/netmcp',
          id: id(),
        });
        // What was started under the same key before is what was asked for.
        return outcome.fire !== undefined
          ? { started: true, run: outcome.fire }
          : { started: false, reason: outcome.started ? undefined : outcome.reason };
      },
    }),
    own({
      name: 'workflow_read_run',
      title: 'Look at a run of a workflow',
      description: 'State of a run that was started on request, and its output or fault once it has ended.',
      labels: ['workflow', 'status', 'result', 'progress'],
      effects: 'read',
      input: z.strictObject({ run }),
      output: z.object({
        found: z.boolean(),
        status: z.string().optional(),
        output: z.unknown().optional(),
        fault: z.string().optional().describe('Title of the error'),
      }),
      async execute(args) {
        // What other triggers started is nobody's business here.
        const by = args.run.split('@', 1)[0];
        const seen = open().some(({ trigger: { id } }) => id === by) ? show(args.run) : undefined;
        if (seen === undefined) return { found: false };
        const { status, output, fault } = seen;
        return {
          found: true,
          status,
          ...(output !== undefined && { output }),
          ...(fault !== undefined && { fault: fault.title }),
        };
      },
    }),
  ];
}
