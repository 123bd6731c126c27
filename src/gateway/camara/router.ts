import express, { type NextFunction, type Request, type Response, type Router } from 'express';
import type { Env } from '../../../machines/ports.ts';
import { type Caller, type CamaraAccess, need } from './access.ts';
import { Assignments } from './assignments.ts';
import { Bucket } from './bucket.ts';
import type { DeviceDirectory } from './devices.ts';
import { CamaraError, invalidArgument, notFound, tooManyRequests } from './failure.ts';
import { ProfileService } from './profile-service.ts';
import type { Catalogue } from './profiles.ts';
import { QodService } from './qod.ts';
import { xCorrelator } from './schemas.ts';
import type { QosSessions } from './sessions.ts';

export interface CamaraOptions {
  env: Env;
  access: CamaraAccess;
  catalogue: Catalogue;
  directory: DeviceDirectory;
  sessions: QosSessions;
  /** @throws if no notice may go to a sink */
  checkSink(sink: string): void;
  /** Requests of one client a minute; 600 if not given. */
  perMinute?: number;
}

type Work = (request: Request, caller: Caller) => Promise<{ status: number; body?: unknown }>;

/**
 * CAMARA quality-on-demand, qos-profiles and qos-provisioning (vwip), for applications that know the APIs of
 * operators and no agents.
 */
export function camaraRouter(options: CamaraOptions): Router {
  const { env, access } = options;
  const buckets = new Bucket(env.clock, options.perMinute ?? 600);
  const qod = new QodService(options);
  const assignments = new Assignments(options);
  const profiles = new ProfileService(options);

  const serve = (scope: string, work: Work) => async (request: Request, response: Response) => {
    const caller = await access.caller(request.headers.authorization);
    if (!buckets.take(caller.client)) throw tooManyRequests('Too many requests; try again in a minute.');
    need(caller, scope);
    const { status, body } = await work(request, caller);
    if (body === undefined) response.status(status).type('json').end();
    else response.status(status).json(body);
  };

  const router = express.Router();
  router.use((request, response, next) => {
    const given = request.headers['x-correlator'];
    const fine = given === undefined || xCorrelator.safeParse(given).success;
    response.setHeader('x-correlator', fine && given !== undefined ? given : env.ids.uuid());
    if (!fine) throw invalidArgument('The header x-correlator has characters that are not allowed.');
    next();
  });
  router.use(express.json({ limit: '256kb', type: () => true }));
  router.use((request, _response, next) => {
    // The parser takes an empty body for an empty object.
    if (request.headers['content-length'] === '0') request.body = undefined;
    next();
  });

  const sessions = '/quality-on-demand/vwip';
  const scope = 'quality-on-demand:sessions';
  router.post(`${sessions}/sessions`, serve(`${scope}:create`, qod.create));
  router.get(`${sessions}/sessions/:id`, serve(`${scope}:read`, qod.read));
  router.delete(`${sessions}/sessions/:id`, serve(`${scope}:delete`, qod.remove));
  router.post(`${sessions}/sessions/:id/extend`, serve(`${scope}:update`, qod.extend));
  router.post(`${sessions}/retrieve-sessions`, serve(`${scope}:retrieve-by-device`, qod.byDevice));

  const assigned = '/qos-provisioning/vwip';
  const right = 'qos-provisioning:qos-assignments';
  router.post(`${assigned}/qos-assignments`, serve(`${right}:create`, assignments.create));
  router.get(`${assigned}/qos-assignments/:id`, serve(`${right}:read`, assignments.read));
  router.delete(`${assigned}/qos-assignments/:id`, serve(`${right}:delete`, assignments.remove));
  router.post(`${assigned}/retrieve-qos-assignment`, serve(`${right}:read-by-device`, assignments.byDevice));

  router.post('/qos-profiles/vwip/retrieve-qos-profiles', serve('qos-profiles:read', profiles.list));
  router.get('/qos-profiles/vwip/qos-profiles/:name', serve('qos-profiles:read', profiles.read));

  router.use((_request, _response) => {
    throw notFound('There is no such resource.');
  });
  router.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const known = error instanceof CamaraError ? error : fromExpress(error);
    if (known === null) env.log.error({ problem: String(error) }, 'CAMARA request failed');
    const { status, code, message } = known ?? {
      status: 500,
      code: 'INTERNAL',
      message: 'The request failed here; try again later.',
    };
    response.status(status).json({ status, code, message });
  });
  return router;
}

/** What express refuses before a handler sees it: a body that is no JSON or too large, a path that is none. */
function fromExpress(error: unknown): CamaraError | null {
  const { status, type } = error as { status?: number; type?: string };
  if (type === 'entity.too.large') return new CamaraError(413, 'PAYLOAD_TOO_LARGE', 'The body is too large.');
  if (status !== undefined && status >= 400 && status < 500) {
    return invalidArgument('The request cannot be read: its body must be JSON.');
  }
  return null;
}
