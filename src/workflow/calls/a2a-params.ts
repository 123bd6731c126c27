import { createHash } from 'node:crypto';
import { isMap } from './media.ts';
import type { A2aOperation } from './ports.ts';

/** The DSL's names are those of A2A 0.3; here they become the operations and the JSON of A2A 1.0. */

type Json = Record<string, unknown>;

export const OPERATIONS = {
  'message/send': 'SendMessage',
  'message/stream': 'SendStreamingMessage',
  'tasks/get': 'GetTask',
  'tasks/list': 'ListTasks',
  'tasks/cancel': 'CancelTask',
  'tasks/resubscribe': 'SubscribeToTask',
  'tasks/pushNotificationConfig/set': 'CreateTaskPushNotificationConfig',
  'tasks/pushNotificationConfig/get': 'GetTaskPushNotificationConfig',
  'tasks/pushNotificationConfig/list': 'ListTaskPushNotificationConfigs',
  'tasks/pushNotificationConfig/delete': 'DeleteTaskPushNotificationConfig',
  'agent/getAuthenticatedExtendedCard': 'GetExtendedAgentCard',
} as const satisfies Record<string, A2aOperation>;

export const isStream = (operation: A2aOperation) =>
  operation === 'SendStreamingMessage' || operation === 'SubscribeToTask';

/** Parameters in the JSON of A2A 1.0; those that are so already stay. */
export function paramsOf(operation: A2aOperation, given: Json, idempotencyKey: string): Json {
  switch (operation) {
    case 'SendMessage':
    case 'SendStreamingMessage':
      return {
        ...given,
        message: messageOf(isMap(given.message) ? given.message : {}, idempotencyKey),
        ...(isMap(given.configuration) && { configuration: configurationOf(given.configuration) }),
      };
    case 'ListTasks':
      return { ...given, ...(given.status !== undefined && { status: stateOf(given.status) }) };
    case 'CreateTaskPushNotificationConfig': {
      const { pushNotificationConfig: config, ...rest } = given;
      return isMap(config) ? { ...rest, ...pushConfigOf(config) } : given;
    }
    case 'GetTaskPushNotificationConfig':
    case 'DeleteTaskPushNotificationConfig': {
      const { pushNotificationConfigId: id, ...rest } = given;
      return id === undefined ? given : { ...rest, taskId: given.taskId ?? given.id, id };
    }
    case 'ListTaskPushNotificationConfigs': {
      const { id, ...rest } = given;
      return { taskId: id, ...rest };
    }
    default:
      return given;
  }
}

function messageOf(message: Json, idempotencyKey: string): Json {
  const { kind: _, role = 'user', parts, messageId, ...rest } = message;
  return {
    ...rest,
    messageId: messageId ?? uuidOf(idempotencyKey),
    role: typeof role === 'string' && !role.startsWith('ROLE_') ? `ROLE_${role.toUpperCase()}` : role,
    parts: Array.isArray(parts) ? parts.map(partOf) : [],
  };
}

/** Parts of 0.3 have a `kind`; those of 1.0 are told apart by their content. */
function partOf(part: unknown): unknown {
  if (!isMap(part) || typeof part.kind !== 'string') return part;
  const { kind, file, ...rest } = part;
  if (kind !== 'file' || !isMap(file)) return rest;
  const { bytes, uri, mimeType, name, ...more } = file;
  return {
    ...rest,
    ...more,
    ...(bytes !== undefined && { raw: bytes }),
    ...(uri !== undefined && { url: uri }),
    ...(mimeType !== undefined && { mediaType: mimeType }),
    ...(name !== undefined && { filename: name }),
  };
}

function configurationOf(configuration: Json): Json {
  const { blocking, pushNotificationConfig: push, ...rest } = configuration;
  return {
    ...rest,
    ...(typeof blocking === 'boolean' && { returnImmediately: !blocking }),
    ...(isMap(push) && { taskPushNotificationConfig: pushConfigOf(push) }),
  };
}

function pushConfigOf(config: Json): Json {
  const { authentication, ...rest } = config;
  if (!isMap(authentication)) return rest;
  const { schemes, ...more } = authentication;
  return {
    ...rest,
    authentication: { ...(Array.isArray(schemes) && { scheme: schemes[0] }), ...more },
  };
}

const stateOf = (status: unknown) =>
  typeof status === 'string' && !status.startsWith('TASK_STATE_')
    ? `TASK_STATE_${status.toUpperCase().replaceAll('-', '_')}`
    : status;

/** The same for every start of the same step: an agent takes a message that is sent again for what it is. RFC 9562 5.8. */
export function uuidOf(key: string): string {
  const hex = createHash('sha256').update(key).digest('hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
