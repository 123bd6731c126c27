import { Agent, request } from 'undici';
import { STRICT_TARGETS, type TargetPolicy, Targets } from '../../../broker/index.ts';
import type { Env } from '../../../machines/ports.ts';
import { NetAgentError } from '../../errors.ts';
import type { PendingNotice, QosRecord } from './record.ts';

/** After a notice that was not taken, ms; then it is given up. */
const BACKOFF = [1_000, 4_000, 15_000, 60_000, 240_000];
const TIMEOUT = 10_000;
/** The application said that nobody listens there any more. */
const GONE = 410;

const TYPES = {
  session: 'org.camaraproject.quality-on-demand.v1.qos-status-changed',
  assignment: 'org.camaraproject.qos-provisioning.v0.status-changed',
} as const;

/** The CloudEvent of a change of status (CAMARA Commonalities, events). */
export function eventOf(record: QosRecord, notice: PendingNotice, source: string): Record<string, unknown> {
  const { kind, id } = record;
  return {
    id: notice.id,
    source,
    specversion: '1.0',
    type: TYPES[kind],
    time: new Date(notice.time).toISOString(),
    datacontenttype: 'application/json',
    data: {
      ...(kind === 'session'
        ? { sessionId: id, qosStatus: notice.status }
        : { assignmentId: id, status: notice.status }),
      ...(notice.statusInfo !== null && { statusInfo: notice.statusInfo }),
    },
  };
}

export interface NoticeSender {
  /** Resolves when the notice was taken or given up; false where the sender was closed before. */
  send(record: QosRecord, notice: PendingNotice): Promise<boolean>;
  /** @throws BUS_PUSH_TARGET_REFUSED for an address that no notice may go to */
  check(sink: string): void;
  close(): Promise<void>;
}

/** Tells applications at their sinks, over TLS and to public addresses only unless the policy allows more. */
export function createNoticeSender(options: {
  env: Env;
  source: () => string;
  targets?: TargetPolicy;
  /** Certificates to trust beside those of the system. */
  ca?: string;
}): NoticeSender {
  const { env, source, targets: policy = STRICT_TARGETS, ca } = options;
  const targets = new Targets(policy);
  const agent = new Agent({
    connect: { lookup: targets.lookup, ...(ca !== undefined && { ca }) },
    connections: 4,
  });
  const waits = new Set<() => void>();
  let closed = false;

  /** What went wrong, without the address or its secrets; null where the notice was taken. */
  async function post(record: QosRecord, notice: PendingNotice): Promise<string | null> {
    const credential = record.sinkCredential;
    try {
      const url = targets.check(record.sink as string);
      const { statusCode, body } = await request(url, {
        dispatcher: agent,
        method: 'POST',
        headers: {
          'content-type': 'application/cloudevents+json',
          ...(credential?.credentialType === 'ACCESSTOKEN' && {
            authorization: `Bearer ${credential.accessToken}`,
          }),
        },
        body: JSON.stringify(eventOf(record, notice, source())),
        signal: AbortSignal.timeout(TIMEOUT),
      });
      await body.dump({ limit: 65_536 });
      return statusCode === GONE || (statusCode >= 200 && statusCode < 300) ? null : `status ${statusCode}`;
    } catch (error) {
      if (error instanceof NetAgentError) return error.message;
      return (error as { code?: string }).code ?? 'the connection failed';
    }
  }

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const end = () => {
        env.clock.clearTimeout(timer);
        waits.delete(end);
        resolve();
      };
      const timer = env.clock.setTimeout(end, ms * (0.8 + 0.4 * env.random.next()));
      waits.add(end);
    });

  return {
    check: (sink) => void targets.check(sink),
    async send(record, notice) {
      for (const wait of [...BACKOFF, null]) {
        if (closed) return false;
        const problem = await post(record, notice);
        if (problem === null) return true;
        env.log.warn({ [record.kind]: record.id, notice: notice.id, problem }, 'QoS notice not taken');
        if (wait === null) return true;
        await pause(wait);
      }
      return true;
    },
    async close() {
      closed = true;
      for (const end of [...waits]) end();
      await agent.destroy();
    },
  };
}
