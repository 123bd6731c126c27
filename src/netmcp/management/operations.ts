import { z } from 'zod';
import {
  approveParamsSchema,
  deregisterParamsSchema,
  discoverParamsSchema,
  discoverResultSchema,
  EXTENSION,
  emptyResultSchema,
  METHODS,
  registerParamsSchema,
  registerResultSchema,
  reportParamsSchema,
  reportResultSchema,
  subscribeParamsSchema,
  subscribeResultSchema,
  unapprovedResultSchema,
  updateParamsSchema,
} from '../schema/index.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { Identity, McpPeer, RequestContext, Tool } from '../session/server-session.ts';
import type { Admission } from './admission.ts';
import type { LeaseTimes, Registry } from './registry.ts';

/** What the management server does, as a vendor method and as a tool. */
export interface Operation {
  tool: string;
  title: string;
  description: string;
  readOnly: boolean;
  params: z.ZodType;
  result: z.ZodType;
  run(peer: McpPeer, params: unknown, context: RequestContext): Record<string, unknown>;
}

function operation<P, R>(definition: {
  tool: string;
  title: string;
  description: string;
  readOnly?: boolean;
  params: z.ZodType<P>;
  result: z.ZodType<R>;
  run(peer: McpPeer, params: P, context: RequestContext): R & Record<string, unknown>;
  /** Told of params that could not be read. */
  malformed?(raw: unknown): void;
}): Operation {
  const { params, run } = definition;
  return {
    ...definition,
    readOnly: definition.readOnly ?? false,
    run(peer, raw, context) {
      const read = params.safeParse(raw ?? {});
      if (!read.success) {
        definition.malformed?.(raw);
        throw new RpcError(INVALID_PARAMS, z.prettifyError(read.error));
      }
      return run(peer, read.data, context);
    },
  };
}

const leaseSchema = z.object({ lease: z.string() });

const unknownLease = () =>
  new RpcError(INVALID_PARAMS, 'The lease is unknown or has expired: register again');

/** The operations by vendor method (NetMCP 4). */
export function createOperations(options: {
  registry: Registry;
  admission: Admission;
  times: LeaseTimes;
  /** Tools are shown only to who may use them. */
  restricted: boolean;
  /** The registry may not be whole yet. */
  partial(): boolean;
  subscribe(
    peer: McpPeer,
    wanted: { serverIds?: string[] | undefined; serviceAreas?: string[] | undefined },
    identity: Identity,
  ): void;
}): Map<string, Operation> {
  const { registry, admission, times, restricted, partial, subscribe } = options;
  return new Map<string, Operation>([
    [
      METHODS.register,
      operation({
        tool: 'servers_register',
        title: 'Register a tool server',
        description: 'Takes a tool server into the registry and gives it a lease that its reports renew.',
        params: registerParamsSchema,
        result: registerResultSchema,
        run(_, params, { identity }) {
          const standing = admission.admit(params, identity);
          return {
            standing,
            lease: standing === 'approved' ? registry.register(params) : 'none',
            leaseMs: times.leaseMs,
            reportEveryMs: Math.round(times.leaseMs / 3),
          };
        },
      }),
    ],
    [
      METHODS.update,
      operation({
        tool: 'servers_update',
        title: 'Update a tool server',
        description: 'Changes what the registry knows of a tool server.',
        params: updateParamsSchema,
        result: emptyResultSchema,
        run(_, { lease, ...change }, { identity }) {
          admission.own(registry.holder(lease), identity);
          const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
          if (!registry.update(lease, given)) throw unknownLease();
          if (change.tools !== undefined) admission.changed(identity.agent, change.tools);
          return {};
        },
      }),
    ],
    [
      METHODS.deregister,
      operation({
        tool: 'servers_deregister',
        title: 'Deregister a tool server',
        description: 'Takes a tool server out, at once or after its calls in flight have finished (drain).',
        params: deregisterParamsSchema,
        result: emptyResultSchema,
        run(_, { lease, drain }, { identity }) {
          admission.own(registry.holder(lease), identity);
          if (!registry.leave(lease, drain)) throw unknownLease();
          return {};
        },
      }),
    ],
    [
      METHODS.report,
      operation({
        tool: 'servers_report',
        title: 'Report load',
        description: 'Heartbeat and load of a tool server; renews its lease.',
        params: reportParamsSchema,
        result: reportResultSchema,
        malformed(raw) {
          const lease = leaseSchema.safeParse(raw);
          if (lease.success) registry.malformed(lease.data.lease);
        },
        run(_, report, { identity }) {
          admission.own(registry.holder(report.lease), identity);
          if (!registry.report(report)) throw unknownLease();
          const status = registry.status(report.lease);
          return status ?? { state: 'gone' as const, weight: 0, alternates: [] };
        },
      }),
    ],
    [
      METHODS.discover,
      operation({
        tool: 'servers_discover',
        title: 'Discover tool servers',
        description: 'Tool servers for a task, a tool, an area or categories, ranked by relevance and load.',
        readOnly: true,
        params: discoverParamsSchema,
        result: discoverResultSchema,
        run: (_, params, { identity }) => ({
          servers: registry.discover(params, restricted ? identity : undefined),
          partial: partial(),
        }),
      }),
    ],
    [
      METHODS.unapproved,
      operation({
        tool: 'servers_unapproved',
        title: 'Unapproved tool servers',
        description: 'Tool servers that asked to register and are not approved; nothing is routed to them.',
        readOnly: true,
        params: emptyResultSchema,
        result: unapprovedResultSchema,
        run: (_, __, { identity }) => ({ servers: admission.unapproved(identity) }),
      }),
    ],
    [
      METHODS.approve,
      operation({
        tool: 'servers_approve',
        title: 'Approve a tool server',
        description: 'Lets a tool server in that waits, at the endpoints that it gave.',
        params: approveParamsSchema,
        result: emptyResultSchema,
        run(_, { serverId }, { identity }) {
          admission.approve(serverId, identity);
          return {};
        },
      }),
    ],
    [
      METHODS.subscribe,
      operation({
        tool: 'servers_subscribe',
        title: 'Subscribe to load',
        description: 'Notifications of load and change of tool servers over the stream of this session.',
        params: subscribeParamsSchema,
        result: subscribeResultSchema,
        run(peer, { serverIds, serviceAreas }, { identity }) {
          subscribe(peer, { serverIds, serviceAreas }, identity);
          return { subscribed: true };
        },
      }),
    ],
  ]);
}

export function toolOf(entry: Operation): Tool {
  const schema = (type: z.ZodType, io: 'input' | 'output') => {
    const { $schema: _, ...json } = z.toJSONSchema(type, { io });
    return json as Tool['inputSchema'];
  };
  return {
    name: entry.tool,
    title: entry.title,
    description: entry.description,
    inputSchema: schema(entry.params, 'input'),
    outputSchema: schema(entry.result, 'output'),
    annotations: { readOnlyHint: entry.readOnly, destructiveHint: false, openWorldHint: false },
    _meta: { [EXTENSION]: { category: 'management' } },
  };
}
