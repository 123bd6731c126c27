import { z } from 'zod';
import { NetAgentError } from '../../errors.ts';
import { type Method, problem, type SbiAnswer, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';

const ROOT = '/A1-P/v2/policytypes';
const TYPE = `${ROOT}/{type}`;
const POLICY = `${TYPE}/policies/{id}`;
const PATHS: ReadonlyArray<readonly [Method, string]> = [
  ['GET', ROOT],
  ['GET', TYPE],
  ['GET', `${TYPE}/policies`],
  ['GET', POLICY],
  ['PUT', POLICY],
  ['DELETE', POLICY],
  ['GET', `${POLICY}/status`],
];

/** A1-P of an endpoint outside: requests go there as they are, and its answers come back. */
export function relayA1(server: SbiServer, { client }: NfContext, base: string): void {
  for (const [method, path] of PATHS) {
    const query = z.record(z.string(), z.string());
    const options = method === 'PUT' ? { body: z.unknown(), query } : { query };
    server.route(method, path, options, async ({ params, query: asked, body }): Promise<SbiAnswer> => {
      const there = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
      try {
        const reply = await client.request({
          nf: 'A1',
          base,
          method,
          path: there,
          ...(Object.keys(asked).length > 0 && { query: asked }),
          ...(method === 'PUT' && { body }),
        });
        const { status, body: answer } = reply;
        // The resource is this one for who asked here, wherever it really is.
        const headers = { location: `${server.url}${there}` };
        return { status, ...(status === 201 && { headers }), ...(answer !== null && { body: answer }) };
      } catch (error) {
        if (!(error instanceof NetAgentError)) throw error;
        const { status, cause, problem: why } = error.details;
        if (error.code !== 'SBI_FAILED') throw problem(504, 'TARGET_NF_NOT_REACHABLE', error.message);
        const detail = String((why as { detail?: unknown } | undefined)?.detail ?? error.message);
        throw problem(Number(status), String(cause || 'A1_REFUSED'), detail);
      }
    });
  }
}
