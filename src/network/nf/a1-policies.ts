import { z } from 'zod';
import { invalid, problem, readBody, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { instant, notifyUri, supi, windowOf } from './schemas.ts';

const ROOT = '/A1-P/v2/policytypes';
const level = z.strictObject({
  rsrpDbm: z.number().min(-156).max(-31).describe('dBm'),
  sinrDb: z.number().min(-23).max(40).describe('dB'),
});
const scope = z.strictObject({ ueId: supi });
const status = z.object({
  enforceStatus: z.enum(['ENFORCED', 'NOT_ENFORCED']),
  enforceReason: z.string().optional(),
});

const steering = z.strictObject({
  scope,
  statement: z.strictObject({
    toStandbyBelow: level.describe('Move to the standby RAT below either'),
    returnAbove: level.describe('Return above both'),
    start: instant.optional().describe('ms since 1970'),
    end: instant.optional().describe('ms since 1970'),
  }),
});
const priority = z.strictObject({
  scope,
  statement: z.strictObject({ priorityLevel: z.number().int().min(1).max(127) }),
});

interface PolicyType {
  schema: z.ZodType;
  description: string;
  /** Applies a checked policy to the gNB; a problem where the statement makes no sense. */
  apply(id: string, policy: unknown): void;
  remove(id: string): void;
}

const window = z.object({
  statement: z.object({ start: z.number().optional(), end: z.number().optional() }),
});
type Status = z.output<typeof status>;

interface Held {
  /** As it came. */
  body: unknown;
  supi: string;
  /** Who is told when the status changes. */
  destination: string | undefined;
  /** Status that was told last. */
  told: string;
}

/** A1-P of the O-RAN Alliance, version 2: policies for the gNB, with their types and JSON schemas. */
export function addA1Routes(server: SbiServer, { advances, notifier, simulation }: NfContext): void {
  const types: Record<string, PolicyType> = {
    steering: {
      schema: steering,
      description: 'Traffic steering: levels at which a UE moves from 5G to 4G and back.',
      apply(id, policy) {
        const { scope: at, statement } = steering.parse(policy);
        windowOf(statement.start, statement.end, '/statement/start');
        const { toStandbyBelow, returnAbove } = statement;
        if (returnAbove.rsrpDbm < toStandbyBelow.rsrpDbm || returnAbove.sinrDb < toStandbyBelow.sinrDb) {
          throw invalid('/statement/returnAbove', 'is below toStandbyBelow: the UE would flap');
        }
        simulation.setSteering({ id, supi: at.ueId, ...statement });
      },
      remove: (id) => simulation.removeSteering(id),
    },
    priority: {
      schema: priority,
      description: 'QoS target: scheduling priority of a UE, smaller is sooner.',
      apply(id, policy) {
        const { scope: at, statement } = priority.parse(policy);
        simulation.setUePriority({ id, supi: at.ueId, priorityLevel: statement.priorityLevel });
      },
      remove: (id) => simulation.removeUePriority(id),
    },
  };
  const policies = new Map<string, Map<string, Held>>(Object.keys(types).map((type) => [type, new Map()]));
  const typeOf = (name: string | undefined) => {
    const type = Object.hasOwn(types, name ?? '') ? types[name ?? ''] : undefined;
    const held = policies.get(name ?? '');
    if (type === undefined || held === undefined)
      throw problem(404, 'POLICY_TYPE_NOT_FOUND', `No type ${name}`);
    return { type, held };
  };
  const known = (held: Map<string, Held>, id: string | undefined) => {
    const found = held.get(id ?? '');
    if (found === undefined) throw problem(404, 'POLICY_NOT_FOUND', `No policy ${id}`);
    return found;
  };

  server.route('GET', ROOT, {}, () => ({ status: 200, body: Object.keys(types) }));
  server.route('GET', `${ROOT}/{type}`, {}, ({ params }) => {
    const { type } = typeOf(params.type);
    return {
      status: 200,
      body: {
        policySchema: { ...z.toJSONSchema(type.schema, { io: 'input' }), description: type.description },
        statusSchema: z.toJSONSchema(status),
      },
    };
  });
  server.route('GET', `${ROOT}/{type}/policies`, {}, ({ params }) => ({
    status: 200,
    body: [...typeOf(params.type).held.keys()],
  }));
  /** Whether a policy is in force now, and why not (A1-P 6.2.5). */
  const statusOf = ({ body, supi: id }: Held): Status => {
    const { start, end } = window.parse(body).statement;
    const now = simulation.now;
    if (now < (start ?? now) || now >= (end ?? now + 1)) {
      return { enforceStatus: 'NOT_ENFORCED', enforceReason: 'STATEMENT_NOT_APPLICABLE' };
    }
    // Outside the operator's radio there is nothing to enforce it on.
    return simulation.ue(id)?.medium === 'cellular'
      ? { enforceStatus: 'ENFORCED' }
      : { enforceStatus: 'NOT_ENFORCED', enforceReason: 'SCOPE_NOT_APPLICABLE' };
  };
  advances.add(() => {
    for (const held of policies.values()) {
      for (const one of held.values()) {
        const now = statusOf(one);
        const text = JSON.stringify(now);
        if (one.told === text) continue;
        one.told = text;
        if (one.destination !== undefined) notifier.notify('A1 policy feedback', one.destination, now);
      }
    }
  });
  const destination = z.looseObject({ notificationDestination: notifyUri.optional() });
  const ONE = `${ROOT}/{type}/policies/{id}`;
  server.route('PUT', ONE, { body: z.unknown(), query: destination }, ({ params, body, query }) => {
    const { type, held } = typeOf(params.type);
    const id = params.id ?? '';
    const policy = readBody(type.schema, body);
    const { ueId } = z.looseObject({ scope }).parse(policy).scope;
    if (simulation.ue(ueId) === undefined) throw problem(404, 'USER_UNKNOWN', `No subscriber ${ueId}`);
    type.apply(id, policy);
    const fresh = !held.has(id);
    const { notificationDestination } = query;
    if (notificationDestination !== undefined) notifier.welcome(notificationDestination);
    const entry: Held = { body, supi: ueId, destination: notificationDestination, told: '' };
    entry.told = JSON.stringify(statusOf(entry));
    held.set(id, entry);
    const location = `${server.url}${ROOT}/${params.type}/policies/${encodeURIComponent(id)}`;
    return fresh ? { status: 201, body, headers: { location } } : { status: 200, body };
  });
  server.route('GET', ONE, {}, ({ params }) => ({
    status: 200,
    body: known(typeOf(params.type).held, params.id).body,
  }));
  server.route('GET', `${ONE}/status`, {}, ({ params }) => ({
    status: 200,
    body: statusOf(known(typeOf(params.type).held, params.id)),
  }));
  server.route('DELETE', ONE, {}, ({ params }) => {
    const { type, held } = typeOf(params.type);
    known(held, params.id);
    type.remove(params.id ?? '');
    held.delete(params.id ?? '');
    return { status: 204 };
  });
}
