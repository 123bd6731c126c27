import { z } from 'zod';
import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { createSbiServer, SbiClient } from '../../sbi/index.ts';
import { EXTENSION, publicationSchema } from '../schema/index.ts';

/** What one registered NF publishes. */
export interface NfPublication {
  instance: string;
  type: string;
  /** API root of the instance. */
  base: string;
  summary: string;
  tools: unknown[];
}

export interface NrfWatch {
  /** Compares with the NRF now. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

const endpoint = z.object({
  ipv4Address: z.string().optional(),
  ipv6Address: z.string().optional(),
  port: z.number().int().optional(),
});
const profileSchema = z.object({
  nfInstanceId: z.uuid(),
  nfType: z.string(),
  nfStatus: z.string(),
  nfServices: z
    .array(z.object({ scheme: z.string().default('http'), ipEndPoints: z.array(endpoint).default([]) }))
    .default([]),
  customInfo: z.record(z.string(), z.unknown()).optional(),
});
const listSchema = z.object({ _links: z.object({ item: z.array(z.object({ href: z.string() })) }) });
const subscribedSchema = z.object({ subscriptionId: z.string(), validityTime: z.string().optional() });
const noticeSchema = z.object({ event: z.string(), nfInstanceUri: z.string().max(512) });

const ROOT = '/nnrf-nfm/v1';
/** Profiles that one look takes. */
const MAX_NFS = 512;

/**
 * Follows what NFs publish through the NRF: list and profiles at the start, then NFStatusSubscribe
 * (TS 29.510 5.2.2.5), and a look at everything now and then, as notifications may be lost. A notification
 * only says where to look: what counts is what the NRF itself answers. @throws what the NRF refuses
 */
export async function watchNrf(options: {
  env: Env;
  nrf: string;
  /** Where notifications are received. */
  host: string;
  /** Between two looks at everything, ms. */
  resyncMs: number;
  published(publication: NfPublication): void;
  gone(instance: string, reason: string): void;
}): Promise<NrfWatch> {
  const { env, nrf, resyncMs } = options;
  const client = new SbiClient({ env });
  /** Instances that published tools, with what they published. */
  const known = new Map<string, string>();
  let subscription: string | null = null;
  let closed = false;
  let timer: unknown;
  let queue: Promise<void> = Promise.resolve();
  let waiting = 0;

  const ask = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown) =>
    client.request({ nf: 'NRF', base: nrf, method, path, ...(body !== undefined && { body }) });

  /** One after the other; past the bound the next look at everything does it. */
  function enqueue(work: () => Promise<void>): Promise<void> {
    if (waiting >= MAX_NFS) return queue;
    waiting += 1;
    queue = queue
      .then(work)
      .catch((error: unknown) => {
        env.log.warn({ problem: String(error) }, 'NRF not followed');
      })
      .finally(() => {
        waiting -= 1;
      });
    return queue;
  }

  async function look(instance: string): Promise<void> {
    if (closed) return;
    let body: unknown;
    try {
      ({ body } = await ask('GET', `${ROOT}/nf-instances/${instance}`));
    } catch (error) {
      if (!(error instanceof NetAgentError) || error.details.status !== 404) throw error;
      return leave(instance, 'it is no longer registered in the NRF');
    }
    const read = profileSchema.safeParse(body);
    if (!read.success || read.data.nfInstanceId !== instance)
      return leave(instance, 'its profile cannot be read');
    const { nfStatus, nfType, customInfo } = read.data;
    if (nfStatus !== 'REGISTERED') return leave(instance, `its status in the NRF is ${nfStatus}`);
    const publication = publicationSchema.safeParse(customInfo?.[EXTENSION]);
    const base = baseOf(read.data);
    if (!publication.success || base === null) return leave(instance, 'it publishes no tools any more');
    const mark = JSON.stringify([base, publication.data]);
    if (known.get(instance) === mark) return;
    known.set(instance, mark);
    env.log.debug({ instance, tools: publication.data.tools.length }, 'NF publishes tools');
    options.published({ instance, type: nfType, base, ...publication.data });
  }

  function leave(instance: string, reason: string): void {
    if (!known.delete(instance)) return;
    env.log.debug({ instance, reason }, 'NF publishes no tools');
    options.gone(instance, reason);
  }

  async function lookAtAll(): Promise<void> {
    const { body } = await ask('GET', `${ROOT}/nf-instances`);
    const there = new Set(
      listSchema
        .parse(body)
        ._links.item.slice(0, MAX_NFS)
        .flatMap(({ href }) => instanceOf(href) ?? []),
    );
    for (const instance of new Set([...there, ...known.keys()])) await look(instance);
  }

  async function subscribe(): Promise<void> {
    const { body } = await ask('POST', `${ROOT}/subscriptions`, {
      nfStatusNotificationUri: `${listener.url}${path}`,
      reqNfType: 'AF',
      reqNotifEvents: ['NF_REGISTERED', 'NF_PROFILE_CHANGED', 'NF_DEREGISTERED'],
    });
    subscription = subscribedSchema.parse(body).subscriptionId;
  }

  // Nobody but the NRF knows the way here.
  const path = `/netmcp-nrf/${env.ids.uuid()}`;
  const listener = await createSbiServer({ nf: 'AF', host: options.host, log: env.log });
  listener.route('POST', path, { body: noticeSchema }, ({ body }) => {
    const instance = instanceOf(body.nfInstanceUri);
    if (instance !== undefined) void enqueue(() => look(instance));
    return { status: 204 };
  });

  const sync = () =>
    enqueue(async () => {
      if (closed) return;
      if (subscription === null || !(await renewed(subscription))) await subscribe();
      await lookAtAll();
    });

  /** The NRF may have forgotten the subscription, or its time may end (TS 29.510 5.2.2.5.6). */
  async function renewed(id: string): Promise<boolean> {
    try {
      const until = new Date(env.clock.now() + 3 * resyncMs).toISOString();
      await client.request({
        nf: 'NRF',
        base: nrf,
        method: 'PATCH',
        path: `${ROOT}/subscriptions/${id}`,
        body: [{ op: 'replace', path: '/validityTime', value: until }],
        contentType: 'application/json-patch+json',
      });
      return true;
    } catch (error) {
      if (error instanceof NetAgentError && error.details.status === 404) return false;
      throw error;
    }
  }

  const schedule = () => {
    timer = env.clock.setTimeout(() => {
      void sync().then(() => {
        if (!closed) schedule();
      });
    }, resyncMs);
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as NodeJS.Timeout).unref();
  };

  try {
    await subscribe();
    await lookAtAll();
  } catch (error) {
    await listener.close();
    await client.close();
    throw error;
  }
  schedule();
  return {
    sync,
    async close() {
      closed = true;
      env.clock.clearTimeout(timer);
      await queue;
      if (subscription !== null) {
        await ask('DELETE', `${ROOT}/subscriptions/${subscription}`).catch((error: unknown) =>
          env.log.debug({ problem: String(error) }, 'subscription not ended'),
        );
      }
      await listener.close();
      await client.close();
    },
  };
}

function instanceOf(uri: string): string | undefined {
  const id = uri.split('/').at(-1);
  return z.uuid().safeParse(id).success ? id : undefined;
}

function baseOf({ nfServices }: z.output<typeof profileSchema>): string | null {
  for (const { scheme, ipEndPoints } of nfServices) {
    for (const { ipv4Address, ipv6Address, port = 80 } of ipEndPoints) {
      if (ipv4Address !== undefined) return `${scheme}://${ipv4Address}:${port}`;
      if (ipv6Address !== undefined) return `${scheme}://[${ipv6Address}]:${port}`;
    }
  }
  return null;
}
