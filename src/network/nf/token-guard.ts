import type { IncomingHttpHeaders } from 'node:http2';

/** Lets a request to a function through, or refuses it (TS 33.501 13.4.1). @throws SbiProblem 401 or 403 */
export type TokenGuard = (
  about: { nf: string; instance: string; services: readonly string[] },
  headers: IncomingHttpHeaders,
) => Promise<void>;
