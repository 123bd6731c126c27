import { z } from 'zod';
import { fail } from '../../errors.ts';
import { deletePolicy, putPolicy, readPolicy, readPolicyIds } from './ran-policies.ts';
import { readFunction, readFunctions } from './registry.ts';
import { done, get, instanceId, nfType, resourceId, send, withUndo } from './steps.ts';
import { bucket, key, putObject, readObject } from './storage.ts';
import { readPaths, route } from './transport.ts';
import { supi, type ToolContext, tool } from './types.ts';

const OAM = 'OAM';
/** Of those who may touch what many subscribers depend on. */
const OPERATE = 'netmcp:operate';
const POLICY_TYPES = ['steering', 'priority'] as const;
const snapshot = z.record(
  z.enum(POLICY_TYPES),
  z.array(z.object({ id: z.string(), body: z.record(z.string(), z.unknown()) })),
);
type Snapshot = z.output<typeof snapshot>;

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
    name: 'recovery_check_redundancy',
    title: 'Check the redundancy of a function',
    description: 'How many instances of a type of network function are in service: is there a stand-in.',
    category: 'management',
    kind: 'status perception',
    labels: ['nrf', 'failover', 'single point of failure', 'backup', 'standby instance'],
    effects: 'read',
    nf: [{ type: 'NRF', operations: ['GetNFInstances', 'GetNFInstance'] }],
    input: z.strictObject({ nfType }),
    output: z.object({ inService: z.number(), suspended: z.number(), redundant: z.boolean() }),
    async execute(args, context) {
      const found = await readFunctions(args.nfType, 50, context);
      const inService = found.filter(({ status }) => status === 'REGISTERED').length;
      return { inService, suspended: found.length - inService, redundant: inService > 1 };
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
      const { priority } = await readFunction(args.instanceId, context);
      await patchPriority(args.instanceId, args.priority, context);
      return { before: priority ?? 0, priority: args.priority };
    },
  }),
  tool({
    name: 'recovery_reroute_traffic',
    title: 'Route around an ill path',
    description: 'Moves a subscriber from an ill transport path to the healthy one with the least delay.',
    category: 'connectivity',
    kind: 'redundancy recovery',
    labels: ['transport', 'link failure', 'detour', 'self-healing', 'backup path', 'broken link'],
    effects: 'reversible',
    idempotent: true,
    nf: [{ type: 'SMF', operations: ['readPaths', 'switchPath'] }],
    input: z.strictObject({ supi }),
    output: z.object({ from: z.string().nullable(), dnai: z.string(), moved: z.boolean() }),
    async execute(args, context) {
      const paths = await readPaths(args.supi, context);
      const active = paths.find((path) => path.active);
      if (active?.healthy) return { from: active.dnai, dnai: active.dnai, moved: false };
      const best = paths.filter(({ healthy }) => healthy).sort((a, b) => a.delayMs - b.delayMs)[0];
      if (best === undefined) throw fail('NETMCP_NO_PLACE', { supi: args.supi, maxDelayMs: 'any' });
      await route(args.supi, best.dnai, context);
      return { from: active?.dnai ?? null, dnai: best.dnai, moved: true };
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
