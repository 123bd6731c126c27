import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { worldSchema } from '../../src/network/worlds/index.ts';

const FILE = resolve(import.meta.dirname, '../../docs/world.schema.json');
const schema = `${JSON.stringify(z.toJSONSchema(worldSchema, { io: 'input' }), null, 2)}\n`;

test('docs/world.schema.json is the format of worlds as it is read', () => {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(FILE, schema);
  expect(JSON.parse(readFileSync(FILE, 'utf8'))).toEqual(JSON.parse(schema));
});
