import { afterEach } from 'vitest';
import { z } from 'zod';
import { connectPlain, startToolServer, type ToolServerOptions } from '../../../src/netmcp/index.ts';
import type { OptimiseOptions } from '../../../src/netmcp/optimise/optimiser.ts';
import { type NfTool, tool } from '../../../src/netmcp/tools/types.ts';
import { testEnv, until } from './env.ts';
import { fakeSbi, ok } from './tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Runs when the test ends, last given first. */
export const atEnd = (close: () => Promise<void>): void => void closers.push(close);

export const supi = z.string().min(3).describe('Subscriber');
export const step = (
  name: string,
  more: Partial<Parameters<typeof tool>[0]> & Pick<NfTool, 'input' | 'output'>,
) =>
  tool({
    name,
    title: `Title of ${name}`,
    description: `Does ${name} for a subscriber.`,
    category: 'policy',
    kind: 'resource management',
    labels: [name],
    effects: 'read',
    nf: [{ type: 'PCF', operations: [name] }],
    async execute(args, { sbi }) {
      const answer = await sbi({ nf: 'PCF', operation: name, method: 'POST', path: '/x', body: args });
      return answer.body as Record<string, unknown>;
    },
    ...more,
  } as Parameters<typeof tool>[0]);

export const locate = step('locate', {
  input: z.strictObject({ supi }),
  output: z.object({ cell: z.object({ id: z.string() }) }),
});
export const reserve = step('reserve', {
  effects: 'reversible',
  input: z.strictObject({
    supi,
    cellId: z.string(),
    ratio: z.number().min(1).max(100),
    mode: z.enum(['soft', 'hard']).optional(),
  }),
  output: z.object({ reservation: z.string() }),
});
export const confirm = step('confirm', {
  input: z.strictObject({ reservation: z.string() }),
  output: z.object({ held: z.boolean() }),
});
export const erase = step('erase', {
  effects: 'irreversible',
  input: z.strictObject({ cellId: z.string() }),
  output: z.object({ erased: z.boolean() }),
});

/** A tool server with an optimiser, before an SBI that can fail. */
export async function world(
  tools: NfTool[] = [locate, reserve, confirm, erase],
  optimise: OptimiseOptions = {},
  governance: Partial<ToolServerOptions> = {},
) {
  const env = testEnv();
  let failing = false;
  const sbi = fakeSbi(({ operation, body }) => {
    const args = body as Record<string, string>;
    if (failing && operation === 'reserve')
      return { status: 403, body: { cause: 'NO_RADIO' }, location: null };
    if (operation === 'locate') return ok({ cell: { id: `cell-of-${args.supi}` } });
    if (operation === 'reserve') return ok({ reservation: `r-${args.cellId}-${args.ratio}` });
    if (operation === 'confirm') return ok({ held: true });
    return ok({ erased: true, held: true });
  });
  const server = await startToolServer({
    env,
    host: '127.0.0.1',
    port: 0,
    id: 's',
    nrf: sbi.port,
    tools,
    optimise,
    ...governance,
  });
  closers.push(server.close);
  const client = async (agentId: string) => {
    const plain = await connectPlain({ env, target: server.url, agentId });
    closers.push(plain.close);
    return plain;
  };
  type Client = Awaited<ReturnType<typeof client>>;
  const trip = async (plain: Client, subscriber: string, ratio: number) => {
    const located = await plain.callTool('locate', { supi: subscriber });
    const { cell } = located.output as { cell: { id: string } };
    const reserved = await plain.callTool('reserve', {
      supi: subscriber,
      cellId: cell.id,
      ratio,
      mode: 'soft',
    });
    const { reservation } = reserved.output as { reservation: string };
    return [located, reserved, await plain.callTool('confirm', { reservation })];
  };
  const optimiser = server.optimiser!;
  const settled = async (stage: string) => {
    env.pass(30_000);
    return until(() => optimiser.list().find((entry) => entry.stage === stage));
  };
  return { env, sbi, server, client, trip, optimiser, settled, fail: (on: boolean) => (failing = on) };
}

/** Three sessions of two agents, with three subscribers. */
export async function recur({ client, trip }: Awaited<ReturnType<typeof world>>) {
  await trip(await client('agent/a'), 'imsi-1001', 20);
  await trip(await client('agent/b'), 'imsi-1002', 30);
  await trip(await client('agent/b'), 'imsi-1003', 40);
}
