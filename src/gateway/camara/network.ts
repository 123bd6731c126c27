import { z } from 'zod';
import type { DeviceDirectory } from './devices.ts';
import { type QosProfile, toMbps, toMs } from './profiles.ts';
import type { QosNetwork } from './sessions.ts';

/** One call of an NF tool. */
export type CallTool = (
  name: string,
  args: Record<string, unknown>,
  options?: { idempotencyKey?: string },
) => Promise<{
  output: Record<string, unknown> | null;
  isError: boolean;
  text: string;
  executed?: 'no' | 'maybe';
}>;

const created = z.object({ sessionId: z.string().min(1), guaranteed: z.boolean() });
const standing = z.object({ guaranteed: z.boolean() });
const subscriber = z.object({ supi: z.string() });
const bound = z.object({ supi: z.string().nullable() });

/** Causes of TS 29.514 and TS 29.503 for what is not there. */
const UNKNOWN = /APPLICATION_SESSION_CONTEXT_NOT_FOUND|USER_NOT_FOUND|USER_UNKNOWN/;
const DEFAULT_DELAY = 300;

/** The network behind CAMARA's APIs: the same tools that agents use. */
export function toolNetwork(call: CallTool): QosNetwork & DeviceDirectory {
  const release = async (sessionId: string, key: string): Promise<void> => {
    const answer = await call('core_release_qos_session', { sessionId }, { idempotencyKey: key });
    if (answer.isError && !UNKNOWN.test(answer.text)) throw new Error(answer.text);
  };
  return {
    async reserve(supi, profile, key) {
      const answer = await call('core_create_qos_session', demandOf(supi, profile), { idempotencyKey: key });
      if (answer.isError) {
        if (answer.executed === 'maybe') throw new Error(answer.text);
        return null;
      }
      const { sessionId, guaranteed } = created.parse(answer.output);
      if (guaranteed) return sessionId;
      await release(sessionId, `${key} not kept`);
      return null;
    },
    async standing(sessionId) {
      const answer = await call('core_read_qos_session', { sessionId });
      if (!answer.isError) return standing.parse(answer.output).guaranteed ? 'kept' : 'not kept';
      if (UNKNOWN.test(answer.text)) return 'gone';
      throw new Error(answer.text);
    },
    release,
    async byPhoneNumber(phoneNumber) {
      const answer = await call('core_translate_identity', { gpsi: `msisdn-${phoneNumber.slice(1)}` });
      if (!answer.isError) return subscriber.parse(answer.output).supi;
      if (UNKNOWN.test(answer.text)) return null;
      throw new Error(answer.text);
    },
    async byIpv4(ipv4) {
      const answer = await call('core_find_subscriber_by_address', { ipv4 });
      if (answer.isError) throw new Error(answer.text);
      return bound.parse(answer.output).supi;
    },
  };
}

function demandOf(supi: string, profile: QosProfile): Record<string, unknown> {
  const { packetDelayBudget, offer } = profile;
  return {
    supi,
    media: offer.media,
    dlMbps: toMbps(profile.targetMinDownstreamRate),
    ulMbps: toMbps(profile.targetMinUpstreamRate),
    maxDelayMs: packetDelayBudget === undefined ? DEFAULT_DELAY : Math.max(1, toMs(packetDelayBudget)),
    ...(offer.priorityLevel !== undefined && { priorityLevel: offer.priorityLevel }),
  };
}
