import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import mqtt, { type MqttClient } from 'mqtt';

export interface CampaignOptions {
  kills: number;
  seed: number;
  dataDir: string;
  /** Requests open at once. */
  inFlight: number;
  onProgress?: (killed: number, accepted: number) => void;
}

export interface CampaignResult {
  kills: number;
  accepted: number;
  /** Accepted, and not completed in the end. */
  lost: string[];
  /** Ended more than once, by their logs. */
  endedTwice: string[];
  /** The world did it more than once for the same task. */
  doubled: string[];
  /** From the start of a process to its first acceptance, ms. */
  recoveries: number[];
}

/** Deterministic numbers in [0, 1) (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Kills the process again and again under load, restarts it on the same data, and counts. */
export async function campaign(options: CampaignOptions): Promise<CampaignResult> {
  const random = seeded(options.seed);
  const world = await startWorld();
  const port = await freePort();
  const accepted = new Set<string>();
  const recoveries: number[] = [];
  /** Sent and not answered: sent again in the next life, under the same ids. */
  const unanswered = new Set<string>();

  const life = async (kill: boolean) => {
    const began = performance.now();
    const child = await startProcess(port, options.dataDir, world.url);
    const requester = await Requester.connect(port);
    let first = true;
    let working = true;
    const send = async (id: string): Promise<void> => {
      unanswered.add(id);
      const state = await requester.ask('SendMessage', sendParams(id));
      if (state === undefined) return;
      unanswered.delete(id);
      accepted.add(id);
      if (first) recoveries.push(performance.now() - began);
      first = false;
    };
    const load = Promise.all(
      Array.from({ length: options.inFlight }, async (_, lane) => {
        for (const id of [...unanswered].filter((_, index) => index % options.inFlight === lane))
          await send(id);
        while (working && kill) await send(randomUUID());
      }),
    );
    if (kill) {
      await new Promise((resolve) => setTimeout(resolve, 5 + 75 * random()));
      working = false;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
      requester.abandon();
    }
    await load;
    return { child, requester };
  };

  for (let killed = 1; killed <= options.kills; killed++) {
    await life(true);
    options.onProgress?.(killed, accepted.size);
  }
  const { child, requester } = await life(false);
  const lost: string[] = [];
  const endedTwice: string[] = [];
  for (const id of accepted) {
    const state = await requester.rest(id);
    if (state !== 'TASK_STATE_COMPLETED') lost.push(`${id} ${state}`);
    else if ((await requester.ends(id)) !== 1) endedTwice.push(id);
  }
  const doubled = [...world.done].filter(([, keys]) => keys.size > 1).map(([id]) => id);
  requester.abandon();
  child.kill('SIGKILL');
  await world.close();
  return { kills: options.kills, accepted: accepted.size, lost, endedTwice, doubled, recoveries };
}

const sendParams = (id: string) => ({
  message: { messageId: id, taskId: id, role: 'ROLE_USER', parts: [{ text: 'do it' }] },
  configuration: { returnImmediately: true },
});

/** Does what it is asked once for each key, as a network function with idempotency keys does. */
async function startWorld() {
  const done = new Map<string, Set<string>>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { key, what } = JSON.parse(body) as { key: string; what: string };
    const keys = done.get(what) ?? new Set();
    done.set(what, keys.add(key));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  return {
    done,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function startProcess(port: number, dataDir: string, world: string): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'agents.ts');
  const child = spawn(process.execPath, [script, String(port), dataDir, world], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) if (line === 'ready') return child;
  throw new Error(`the process did not start: ${child.exitCode}`);
}

const REPLIES = '$a2a/v1/reply/crash/unit/asker/1';

/** A plain MQTT client: what it learns does not depend on our own requester. */
class Requester {
  readonly #client: MqttClient;
  readonly #waiting = new Map<string, (reply: unknown, end: boolean) => void>();
  #abandoned = false;

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('error', () => undefined);
    client.on('message', (_topic, payload, { properties }) => {
      const end = payload.length === 0;
      this.#waiting.get(properties?.correlationData?.toString() ?? '')?.(
        end ? null : JSON.parse(String(payload)),
        end,
      );
    });
  }

  static async connect(port: number): Promise<Requester> {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, {
      clientId: 'crash/unit/asker',
      protocolVersion: 5,
      reconnectPeriod: 0,
    });
    (client.stream as Socket).setNoDelay(true);
    await client.subscribeAsync(REPLIES, { qos: 1 });
    return new Requester(client);
  }

  /** State of the task in the answer; undefined when the other side is gone. */
  async ask(method: string, params: object): Promise<string | undefined> {
    const [reply] = await this.#exchange(method, params, {}, () => true);
    const result = (reply as { result?: { task?: Task; status?: Task['status'] } } | undefined)?.result;
    return (result?.task ?? result)?.status?.state;
  }

  /** Follows the task to its rest. */
  async rest(id: string): Promise<string> {
    while (true) {
      const state = await this.ask('GetTask', { id });
      if (state !== 'TASK_STATE_SUBMITTED' && state !== 'TASK_STATE_WORKING') return state ?? 'unknown';
      await this.#exchange('SubscribeToTask', { id }, {}, (reply) => reply === null || ends(reply));
    }
  }

  /** How many items of the log end the task. */
  async ends(id: string): Promise<number> {
    const items = await this.#exchange(
      'SubscribeToTask',
      { id },
      { 'a2a-last-seq': '0' },
      (reply, end) => end || ends(reply),
    );
    return items.filter(ends).length;
  }

  abandon(): void {
    this.#abandoned = true;
    this.#client.end(true);
    for (const settle of this.#waiting.values()) settle(undefined, true);
  }

  #exchange(
    method: string,
    params: object,
    userProperties: Record<string, string>,
    last: (reply: unknown, end: boolean) => boolean,
  ): Promise<unknown[]> {
    if (this.#abandoned) return Promise.resolve([]);
    const id = randomUUID();
    const replies: unknown[] = [];
    return new Promise((resolve) => {
      this.#waiting.set(id, (reply, end) => {
        if (reply !== undefined && reply !== null) replies.push(reply);
        if (!last(reply, end) && !this.#abandoned) return;
        this.#waiting.delete(id);
        resolve(replies);
      });
      this.#client.publish(
        '$a2a/v1/request/crash/unit/front',
        JSON.stringify({ jsonrpc: '2.0', id, method, params }),
        {
          qos: 1,
          properties: {
            responseTopic: REPLIES,
            correlationData: Buffer.from(id),
            // An empty set is written as a malformed property.
            ...(Object.keys(userProperties).length === 0 ? {} : { userProperties }),
          },
        },
        () => undefined,
      );
    });
  }
}

interface Task {
  status?: { state?: string };
}

function ends(reply: unknown): boolean {
  const { result, error } = (reply ?? {}) as {
    result?: { statusUpdate?: Task; task?: Task };
    error?: unknown;
  };
  const state = (result?.statusUpdate ?? result?.task)?.status?.state;
  return error !== undefined || /COMPLETED|FAILED|CANCELED|REJECTED/.test(state ?? '');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createTcpServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
