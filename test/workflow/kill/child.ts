import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from '../../../src/durable/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';
import { compileWorkflow, createEngine } from '../../../src/workflow/index.ts';
import { killed } from './document.ts';
import { createWorld, type Done } from './world.ts';

/** One life of the process that gets killed: `child.ts DIR UNIT`; tells the end of the instance and goes. */
const [dir = '', unit = ''] = process.argv.slice(2);
const file = join(dir, 'done.jsonl');
const before = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
const world = createWorld(before.filter((line) => line !== '').map((line) => JSON.parse(line) as Done));
const record = (one: Done) => appendFileSync(file, `${JSON.stringify(one)}\n`);

const store = openStore({ dir });
const engine = createEngine({
  env: createEnv({ level: 'error' }),
  ledger: store.workflows(),
  functions: {
    probe: async (input, { idempotencyKey }) => world.call(input, idempotencyKey, record),
  },
  events: { publish: async ({ id, data }) => world.told(id, data, record), subscribe: () => () => {} },
});
await engine.recover();
await engine.start(compileWorkflow(killed(Number(unit))), null, { id: 'one' });
const { output } = await engine.result('one');
process.stdout.write(`${JSON.stringify(output)}\n`);
await engine.close();
store.close();
