import type { Offer } from '../../../machines/protocols/negotiation.machine.ts';
import { VERSION } from './base.ts';

export const METHODS = {
  // 4. Management server.
  register: 'netmcp/servers/register',
  update: 'netmcp/servers/update',
  deregister: 'netmcp/servers/deregister',
  report: 'netmcp/servers/report',
  discover: 'netmcp/servers/discover',
  subscribe: 'netmcp/servers/subscribe',
  unapproved: 'netmcp/servers/unapproved',
  approve: 'netmcp/servers/approve',
  // 4. Between management servers.
  sync: 'netmcp/registry/sync',
  // 5. Life of a tool.
  toolRegister: 'netmcp/tools/register',
  toolUpdate: 'netmcp/tools/update',
  toolRemove: 'netmcp/tools/remove',
  toolsetLoad: 'netmcp/toolsets/load',
  toolsetUnload: 'netmcp/toolsets/unload',
  // 6. Anchor.
  routeCall: 'netmcp/route/call',
  routeExecute: 'netmcp/route/execute',
  // 7. Execution context.
  contextOpen: 'netmcp/context/open',
  contextClose: 'netmcp/context/close',
  contextGet: 'netmcp/context/get',
  contextSet: 'netmcp/context/set',
  contextDelete: 'netmcp/context/delete',
  contextWatch: 'netmcp/context/watch',
  contextPublish: 'netmcp/context/publish',
  contextConsume: 'netmcp/context/consume',
  contextAck: 'netmcp/context/ack',
  contextSchedule: 'netmcp/context/schedule',
  contextCancel: 'netmcp/context/cancel',
  // 8. Finding tools.
  toolsDiscover: 'netmcp/tools/discover',
} as const;

export const NOTIFICATIONS = {
  changed: 'notifications/netmcp/servers/changed',
  load: 'notifications/netmcp/load',
  context: 'notifications/netmcp/context/changed',
} as const;

/** 1. The feature that a peer must have named before a vendor method may be sent to it. */
const FEATURES = {
  lifecycle: [
    METHODS.register,
    METHODS.update,
    METHODS.deregister,
    METHODS.unapproved,
    METHODS.approve,
    METHODS.sync,
    METHODS.toolRegister,
    METHODS.toolUpdate,
    METHODS.toolRemove,
    METHODS.toolsetLoad,
    METHODS.toolsetUnload,
  ],
  load: [METHODS.report, METHODS.subscribe],
  discover: [METHODS.discover, METHODS.toolsDiscover],
  route: [METHODS.routeCall, METHODS.routeExecute],
  context: [
    METHODS.contextOpen,
    METHODS.contextClose,
    METHODS.contextGet,
    METHODS.contextSet,
    METHODS.contextDelete,
    METHODS.contextWatch,
    METHODS.contextPublish,
    METHODS.contextConsume,
    METHODS.contextAck,
    METHODS.contextSchedule,
    METHODS.contextCancel,
  ],
} as const;

const featureOf = new Map<string, string>(
  Object.entries(FEATURES).flatMap(([feature, methods]) => methods.map((method) => [method, feature])),
);

/** The feature under which a vendor method is negotiated; undefined if it is none of ours. */
export const featureOfMethod = (method: string): string | undefined => featureOf.get(method);

export const CLIENT_OFFER: Offer = {
  version: VERSION,
  versions: [VERSION],
  features: ['discover', 'load', 'route', 'context', 'lifecycle', 'trace'],
};

/** For a session with one server for itself: its lists show its own tools, and it is not asked to route. */
export const DIRECT_OFFER: Offer = {
  ...CLIENT_OFFER,
  features: CLIENT_OFFER.features.filter((feature) => feature !== 'route'),
};
