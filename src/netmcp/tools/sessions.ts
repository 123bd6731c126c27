import { z } from 'zod';
import { ipv4 } from './steps.ts';
import { supi, type ToolContext, tool } from './types.ts';

const SMF = 'SMF';
const BSF = 'BSF';
const SESSIONS = '/nsmf-pdusession/v1/sm-contexts';
const NOBODY = '00000000-0000-4000-8000-000000000000';
const sessionRef = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/)
  .describe('Reference that establishing gave');

const binding = z.object({
  supi: z.string().optional(),
  ipv4Addr: z.string(),
  dnn: z.string(),
  snssai: z.object({ sst: z.number(), sd: z.string().optional() }),
});

/** The binding of an address or a subscriber (TS 29.521 5.2.2.3); null for none. */
async function findBinding(query: Record<string, string>, { sbi }: ToolContext) {
  const answer = await sbi({
    nf: BSF,
    operation: 'GetPCFBindings',
    method: 'GET',
    path: '/nbsf-management/v1/pcfBindings',
    query,
  });
  return answer.status === 204 ? null : binding.parse(answer.body);
}

const bound = z.object({
  found: z.boolean(),
  supi: z.string().nullable(),
  ipv4: z.string().nullable(),
  dnn: z.string().nullable(),
  sst: z.number().nullable(),
});
const shown = (one: z.output<typeof binding> | null) => ({
  found: one !== null,
  supi: one?.supi ?? null,
  ipv4: one?.ipv4Addr ?? null,
  dnn: one?.dnn ?? null,
  sst: one?.snssai.sst ?? null,
});

const byAddress = tool({
  name: 'core_find_subscriber_by_address',
  title: 'Find the subscriber of an IP address',
  description: 'Which subscriber, data network and slice the session of an IP address belongs to.',
  category: 'connectivity',
  kind: 'data collection',
  labels: ['ip address', 'binding', 'who', 'session', 'identity'],
  effects: 'read',
  nf: [{ type: BSF, operations: ['GetPCFBindings'] }],
  input: z.strictObject({ ipv4 }),
  output: bound,
  execute: async (args, context) => shown(await findBinding({ ipv4Addr: args.ipv4 }, context)),
});

const bySubscriber = tool({
  name: 'core_find_session_of_subscriber',
  title: 'Find the session of a subscriber',
  description: 'IP address, data network and slice of the data session that a subscriber has.',
  category: 'connectivity',
  kind: 'status perception',
  labels: ['ip address', 'session', 'pdu', 'binding', 'online'],
  effects: 'read',
  nf: [{ type: BSF, operations: ['GetPCFBindings'] }],
  input: z.strictObject({ supi }),
  output: bound,
  execute: async (args, context) => shown(await findBinding({ supi: args.supi }, context)),
});

const establish = tool({
  name: 'core_establish_pdu_session',
  title: 'Establish a data session',
  description: 'Connects a subscriber to a data network in a slice; gives the reference of the session.',
  category: 'connectivity',
  kind: 'connection control',
  labels: ['pdu session', 'connect', 'slice', 'data network', 'establish'],
  effects: 'reversible',
  nf: [{ type: SMF, operations: ['PostSmContexts'] }],
  input: z.strictObject({
    supi,
    pduSessionId: z.number().int().min(1).max(15).describe('Free at the phone'),
    dnn: z
      .string()
      .regex(/^[A-Za-z0-9.-]{1,100}$/)
      .default('internet')
      .describe('Data network name'),
    sst: z.number().int().min(0).max(255).default(1).describe('Slice/service type'),
    sd: z
      .string()
      .regex(/^[0-9A-Fa-f]{6}$/)
      .optional()
      .describe('Slice differentiator'),
  }),
  output: z.object({ sessionRef: z.string() }),
  async execute({ supi: id, pduSessionId, dnn, sst, sd }, { sbi }) {
    const answer = await sbi({
      nf: SMF,
      operation: 'PostSmContexts',
      method: 'POST',
      path: SESSIONS,
      body: {
        supi: id,
        pduSessionId,
        dnn,
        sNssai: { sst, ...(sd !== undefined && { sd }) },
        servingNfId: NOBODY,
        servingNetwork: { mcc: '001', mnc: '01' },
        anType: '3GPP_ACCESS',
        smContextStatusUri: 'http://127.0.0.1/unused',
      },
    });
    return { sessionRef: answer.location?.split('/').at(-1) ?? '' };
  },
});

const release = tool({
  name: 'core_release_pdu_session',
  title: 'Release a data session',
  description: 'Disconnects a data session that was established, and frees its address.',
  category: 'connectivity',
  kind: 'connection control',
  labels: ['pdu session', 'disconnect', 'release', 'terminate'],
  effects: 'irreversible',
  nf: [{ type: SMF, operations: ['ReleaseSmContext'] }],
  input: z.strictObject({ sessionRef }),
  output: z.object({ released: z.boolean() }),
  async execute(args, { sbi }) {
    await sbi({
      nf: SMF,
      operation: 'ReleaseSmContext',
      method: 'POST',
      path: `${SESSIONS}/${args.sessionRef}/release`,
      body: {},
    });
    return { released: true };
  },
});

const userPlane = (
  name: string,
  title: string,
  description: string,
  upCnxState: 'ACTIVATED' | 'DEACTIVATED',
  labels: string[],
) =>
  tool({
    name,
    title,
    description,
    category: 'connectivity',
    kind: 'connection control',
    labels,
    effects: 'reversible',
    idempotent: true,
    nf: [{ type: SMF, operations: ['UpdateSmContext'] }],
    input: z.strictObject({ sessionRef }),
    output: z.object({ state: z.string() }),
    async execute(args, { sbi }) {
      await sbi({
        nf: SMF,
        operation: 'UpdateSmContext',
        method: 'POST',
        path: `${SESSIONS}/${args.sessionRef}/modify`,
        body: { upCnxState },
      });
      return { state: upCnxState };
    },
  });

const suspend = userPlane(
  'core_suspend_user_plane',
  'Suspend the user plane of a session',
  'Takes the radio and user plane resources from a data session; it stays established.',
  'DEACTIVATED',
  ['suspend', 'idle', 'deactivate', 'user plane', 'pause', 'no internet', 'parental control'],
);
const resume = userPlane(
  'core_resume_user_plane',
  'Resume the user plane of a session',
  'Gives a suspended data session its user plane back.',
  'ACTIVATED',
  ['resume', 'activate', 'user plane', 'reconnect', 'give back'],
);

const upfs = tool({
  name: 'core_list_user_plane_functions',
  title: 'List user plane functions of a subscriber',
  description: 'User plane functions that the traffic of a subscriber can be anchored at, with their state.',
  category: 'connectivity',
  kind: 'status perception',
  labels: ['upf', 'anchor', 'user plane', 'edge', 'gateway'],
  effects: 'read',
  nf: [{ type: SMF, operations: ['readUpfs'] }],
  input: z.strictObject({ supi }),
  output: z.object({ upfs: z.array(z.looseObject({ dnai: z.string() })) }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: SMF,
      operation: 'readUpfs',
      method: 'GET',
      path: `/paths/v1/upfs/${args.supi}`,
    });
    return z.object({ upfs: z.array(z.looseObject({ dnai: z.string() })) }).parse(answer.body);
  },
});

export const sessionTools = [byAddress, bySubscriber, establish, release, suspend, resume, upfs];
