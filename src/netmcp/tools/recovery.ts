import { z } from 'zod';
import { fail } from '../../errors.ts';
import { bucket, done, get, instanceId, key, resourceId, send, withUndo } from './steps.ts';
import { type ToolContext, tool } from './types.ts';

const OAM = 'OAM';
/** Of those who may touch what many subscribers depend on. */
const OPERATE = 'netmcp:operate';
const POLICY_TYPES = ['steering', 'priority'] as const;
const snapshot = z.record(
  z.enum(POLICY_TYPES),
  z.array(z.object({ id: z.string(), body: z.record(z.string(), z.unknown()) })),
);
type Snapshot = z.output<typeof snapshot>;

const GNB = 'GNB';
const A1 = '/A1-P/v2/policytypes';
const open = z.looseObject({});
const STORAGE = 'STORAGE';
const BUCKETS = '/storage/v1/buckets';

const readPolicyIds = async (type: string, context: ToolContext) =>
  z.array(z.string()).parse(await get(context, GNB, 'getPolicies', `${A1}/${type}/policies`));
const readPolicy = async (type: string, id: string, context: ToolContext) =>
  open.parse(await get(context, GNB, `getPolicy ${type}`, `${A1}/${type}/policies/${id}`));
const putPolicy = (type: string, id: string, body: unknown, context: ToolContext) =>
  send(context, GNB, `putPolicy ${type}`, 'PUT', `${A1}/${type}/policies/${id}`, body);
const deletePolicy = (type: string, id: string, context: ToolContext) =>
  send(context, GNB, `deletePolicy ${type}`, 'DELETE', `${A1}/${type}/policies/${id}`);

async function readObject(from: string, name: string, context: ToolContext): Promise<string> {
  const body = await get(context, STORAGE, 'getObject', `${BUCKETS}/${from}/objects/${name}`);
  return z.looseObject({ data: z.string() }).parse(body).data;
}
async function putObject(
  to: string,
  name: string,
  data: string,
  context: ToolContext,
  contentType = 'text/plain',
) {
  const path = `${BUCKETS}/${to}/objects/${name}`;
  const { body } = await send(context, STORAGE, 'putObject', 'PUT', path, { contentType, data });
  return z.object({ key: z.string(), bytes: z.number(), version: z.number() }).parse(body);
}

async function readPolicies(context: ToolContext): Promise<Snapshot> {
  const all: Snapshot = { steering: [], priority: [] };
  for (const type of POLICY_TYPES) {
    for (const id of await readPolicyIds(type, context)) {
      all[type].push({ id, body: await readPolicy(type, id, context) });
    }
  }
  return all;
}

const patchPriority = (id: string, value: number, context: ToolContext) =>
  send(
    context,
    'NRF',
    'UpdateNFInstance',
    'PATCH',
    `/nnrf-nfm/v1/nf-instances/${id}`,
    [{ op: 'add', path: '/priority', value }],
    'application/json-patch+json',
  );

export const recoveryTools = [
  tool({
    name: 'recovery_list_alarms',
    title: 'List the faults of the network',
    description: 'Faults that are there now: cut links, dead or overloaded functions, sites and cells down.',
    category: 'management',
    kind: 'status perception',
    labels: ['oam', 'alarms', 'outage', 'what is broken', 'failures', 'root cause'],
    effects: 'read',
    nf: [{ type: OAM, operations: ['listAlarms'] }],
    input: z.strictObject({}),
    output: z.object({
      alarms: z.array(
        z.object({ alarmId: z.string(), probableCause: z.string(), objectInstance: z.string() }),
      ),
    }),
    execute: async (_, context) =>
      z
        .object({
          alarms: z.array(
            z.object({ alarmId: z.string(), probableCause: z.string(), objectInstance: z.string() }),
          ),
        })
        .parse(await get(context, OAM, 'listAlarms', '/oam/v1/alarms')),
  }),
  tool({
    name: 'recovery_repair_fault',
    title: 'Repair a fault',
    description: 'Mends one fault of the network: a cut link, a site that is down, a wrong configuration.',
    category: 'management',
    kind: 'redundancy recovery',
    labels: ['oam', 'fix', 'mend', 'clear alarm', 'misconfiguration'],
    effects: 'irreversible',
    scope: OPERATE,
    nf: [{ type: OAM, operations: ['repairAlarm'] }],
    input: z.strictObject({ alarmId: resourceId('Id of the alarm') }),
    output: done,
    async execute(args, context) {
      await send(context, OAM, 'repairAlarm', 'POST', `/oam/v1/alarms/${args.alarmId}/repair`);
      return { done: true };
    },
  }),
  tool({
    name: 'recovery_restart_function',
    title: 'Restart a network function',
    description: 'Restarts one instance of a network function that is dead or overloaded.',
    category: 'management',
    kind: 'redundancy recovery',
    labels: ['oam', 'reboot', 'crashed', 'hung', 'revive', 'not answering'],
    effects: 'irreversible',
    scope: OPERATE,
    nf: [{ type: OAM, operations: ['restartFunction'] }],
    input: z.strictObject({ instanceId }),
    output: z.object({ repaired: z.array(z.string()).describe('Faults that are gone') }),
    async execute(args, context) {
      const path = `/oam/v1/functions/${args.instanceId}/restart`;
      const { body } = await send(context, OAM, 'restartFunction', 'POST', path);
      return z.object({ repaired: z.array(z.string()) }).parse(body);
    },
  }),
  tool({
    name: 'recovery_prefer_function',
    title: 'Fail over to another instance',
    description:
      'Sets the priority of an instance at the NRF: with 0 consumers ask it first, with more later.',
    category: 'management',
    kind: 'redundancy recovery',
    labels: ['nrf', 'failover', 'switch over', 'primary', 'drain', 'traffic away'],
    effects: 'reversible',
    idempotent: true,
    scope: OPERATE,
    nf: [{ type: 'NRF', operations: ['GetNFInstance', 'UpdateNFInstance'] }],
    input: z.strictObject({
      instanceId,
      priority: z.number().int().min(0).max(65_535).describe('0 is first'),
    }),
    output: z.object({ before: z.number().describe('To put it back'), priority: z.number() }),
    async execute(args, context) {
      const { priority } = z
        .looseObject({ priority: z.number().optional() })
        .parse(await get(context, 'NRF', 'GetNFInstance', `/nnrf-nfm/v1/nf-instances/${args.instanceId}`));
      await patchPriority(args.instanceId, args.priority, context);
      return { before: priority ?? 0, priority: args.priority };
    },
  }),
  tool({
    name: 'recovery_save_policies',
    title: 'Save the radio policies',
    description: 'Takes a snapshot of the radio policies of the base stations into a storage bucket.',
    category: 'storage',
    kind: 'redundancy recovery',
    labels: ['backup', 'snapshot', 'configuration', 'a1', 'checkpoint'],
    effects: 'reversible',
    nf: [
      { type: 'GNB', operations: ['getPolicies', 'getPolicy steering', 'getPolicy priority'] },
      { type: 'STORAGE', operations: ['putObject'] },
    ],
    input: z.strictObject({ bucket }),
    output: z.object({ key: z.string(), policies: z.number() }),
    async execute(args, context) {
      const all = await readPolicies(context);
      const name = `policies-${context.id()}`;
      await putObject(args.bucket, name, JSON.stringify(all), context, 'application/json');
      return { key: name, policies: all.steering.length + all.priority.length };
    },
  }),
  tool({
    name: 'recovery_restore_policies',
    title: 'Restore the radio policies',
    description: 'Sets the radio policies of the base stations as a snapshot has them; all others go.',
    category: 'storage',
    kind: 'redundancy recovery',
    labels: ['rollback', 'snapshot', 'configuration', 'undo changes', 'restore backup'],
    effects: 'reversible',
    idempotent: true,
    scope: OPERATE,
    nf: [
      { type: 'STORAGE', operations: ['getObject'] },
      {
        type: 'GNB',
        operations: [
          'getPolicies',
          'getPolicy steering',
          'getPolicy priority',
          'putPolicy steering',
          'putPolicy priority',
          'deletePolicy steering',
          'deletePolicy priority',
        ],
      },
    ],
    input: z.strictObject({ bucket, key }),
    output: z.object({ restored: z.number(), removed: z.number() }),
    async execute(args, context) {
      const wanted = readSnapshot(await readObject(args.bucket, args.key, context), args.key);
      const present = await readPolicies(context);
      return withUndo(async (step) => {
        let restored = 0;
        let removed = 0;
        for (const type of POLICY_TYPES) {
          const before = new Map(present[type].map(({ id, body }) => [id, body]));
          for (const { id, body } of wanted[type]) {
            const was = before.get(id);
            before.delete(id);
            await putPolicy(type, id, body, context);
            step(`policy ${id}`, () =>
              was === undefined ? deletePolicy(type, id, context) : putPolicy(type, id, was, context),
            );
            restored += 1;
          }
          for (const [id, body] of before) {
            await deletePolicy(type, id, context);
            step(`policy ${id}`, () => putPolicy(type, id, body, context));
            removed += 1;
          }
        }
        return { restored, removed };
      });
    },
  }),
];

function readSnapshot(text: string, name: string): Snapshot {
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch {
    // Said below: it is no snapshot.
  }
  const read = snapshot.safeParse(json);
  if (!read.success) throw fail('NETMCP_NO_SNAPSHOT', { key: name });
  return read.data;
}
