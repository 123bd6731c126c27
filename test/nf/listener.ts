import { z } from 'zod';
import { createSbiServer } from '../../src/sbi/index.ts';
import { closing } from './support.ts';

/** Somebody who is told things, under any path, and what was told there. */
export async function listener() {
  const server = closing(await createSbiServer({ nf: 'AF', host: '127.0.0.1' }));
  const told = new Map<string, unknown[]>();
  for (const path of ['/{at}', '/{at}/{what}']) {
    server.route('POST', path, { body: z.unknown() }, ({ params, body }) => {
      const at = params.what === undefined ? (params.at ?? '') : `${params.at}/${params.what}`;
      told.set(at, [...(told.get(at) ?? []), body]);
      return { status: 204 };
    });
  }
  return { url: server.url, told: (at: string) => told.get(at) ?? [] };
}
