import type { Clock } from '../../../machines/ports.ts';
import { ERROR_NOT_OWNER } from '../schema/index.ts';
import { RpcError } from '../session/rpc-error.ts';

export interface Fence {
  /** Lets a step in, unless a later anchor of its execution has been seen. @throws RpcError -32011 */
  admit(agent: string, execution: string, epoch: number): void;
}

const REMEMBERED = 3_600_000;
const MAX = 10_000;

/**
 * The highest epoch seen for each execution of each agent (NetMCP 6): an anchor that has lost its role
 * without noticing cannot cause effects any more. An agent can fence only its own executions.
 */
export function createFence(clock: Clock): Fence {
  const seen = new Map<string, { epoch: number; until: number }>();
  return {
    admit(agent, execution, epoch) {
      const key = `${agent}\n${execution}`;
      const before = seen.get(key);
      if (before !== undefined && before.until > clock.now() && before.epoch > epoch) {
        throw new RpcError(ERROR_NOT_OWNER, 'Another anchor has taken over this execution', {
          owner: '',
          url: '',
          epoch: before.epoch,
        });
      }
      seen.delete(key);
      seen.set(key, { epoch, until: clock.now() + REMEMBERED });
      if (seen.size > MAX) seen.delete(seen.keys().next().value as string);
    },
  };
}
