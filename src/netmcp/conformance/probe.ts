import { Agent, request } from 'undici';
import { fail } from '../../errors.ts';
import { CLIENT_OFFER, EXTENSION } from '../schema/index.ts';

export type Json = Record<string, unknown>;

export interface Answer {
  status: number;
  /** The JSON-RPC answer; undefined where none came. */
  json: { result?: Json; error?: { code?: number; message?: string; data?: unknown } } | undefined;
  /** What came before the answer on the same stream. */
  before: Array<{ method: string; params?: Json }>;
}

export interface ProbeOptions {
  url: string;
  patienceMs: number;
  /** Bearer token, where the server wants one. */
  token?: string | undefined;
  /** How it calls itself, `netmcp-conformance` if not given. */
  name?: string;
}

/** What a probe says of itself in `initialize`; null offers nothing, as a plain MCP client. */
export type Offering = unknown;

/** A raw Streamable HTTP client (MCP 2025-11-25): nothing of our own sessions is in it. */
export class Probe {
  readonly #options: ProbeOptions;
  readonly #agent: Agent;
  #session: string | undefined;
  #ids = 0;
  /** The answer to `initialize`. */
  welcome: Json = {};

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#agent = new Agent({ connections: 8, headersTimeout: options.patienceMs });
  }

  /** A probe with a session. @throws CONFORMANCE_NO_SERVER */
  static async open(options: ProbeOptions, offering: Offering = CLIENT_OFFER): Promise<Probe> {
    const probe = new Probe(options);
    await probe.initialize(offering);
    return probe;
  }

  async initialize(offering: Offering): Promise<Answer> {
    const answer = await this.ask('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: offering === null ? {} : { extensions: { [EXTENSION]: offering } },
      clientInfo: { name: this.#options.name ?? 'netmcp-conformance', version: '1' },
    });
    if (answer.json?.result === undefined) {
      throw fail('CONFORMANCE_NO_SERVER', {
        url: this.#options.url,
        problem: `initialize was answered with HTTP ${answer.status}: ${JSON.stringify(answer.json ?? null).slice(0, 200)}`,
      });
    }
    this.welcome = answer.json.result;
    await this.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return answer;
  }

  /** What the server answered to our offer; undefined if it knows nothing of it. */
  extension(): Json | undefined {
    const capabilities = (this.welcome.capabilities ?? {}) as { extensions?: Record<string, Json> };
    return capabilities.extensions?.[EXTENSION];
  }

  features(): string[] {
    const named = this.extension()?.features;
    return Array.isArray(named) ? named.map(String) : [];
  }

  ask(method: string, params: Json = {}, more: { headers?: Record<string, string> } = {}): Promise<Answer> {
    this.#ids += 1;
    return this.post({ jsonrpc: '2.0', id: this.#ids, method, params }, more);
  }

  call(name: string, args: Json, meta: Json = {}, more: Json = {}): Promise<Answer> {
    const _meta = { ...more, [EXTENSION]: { version: '1.0', ...meta } };
    return this.ask('tools/call', { name, arguments: args, _meta });
  }

  /** One POST. @throws CONFORMANCE_NO_SERVER */
  async post(message: unknown, more: { headers?: Record<string, string> } = {}): Promise<Answer> {
    const body = typeof message === 'string' ? message : JSON.stringify(message);
    const { statusCode, headers, body: reply } = await this.#send('POST', body, more.headers);
    const text = await reply.text();
    const messages = String(headers['content-type']).startsWith('text/event-stream')
      ? eventsOf(text)
      : parse(text);
    const json = messages.findLast((one) => 'result' in one || 'error' in one) as Answer['json'];
    const before = messages.filter((one) => typeof one.method === 'string') as Answer['before'];
    // The session that `initialize` began.
    this.#session ??= one(headers['mcp-session-id']);
    return { status: statusCode, json, before };
  }

  async status(method: 'GET' | 'POST' | 'DELETE', headers: Record<string, string>, body?: string) {
    const { statusCode, body: reply } = await this.#send(method, body, headers);
    await reply.dump();
    return statusCode;
  }

  /** Opens the stream for notifications. */
  async listen(): Promise<Listener> {
    const { body } = await this.#send('GET', undefined, { accept: 'text/event-stream' });
    return new Listener(body, this.#options.patienceMs);
  }

  async close(): Promise<void> {
    if (this.#session !== undefined) await this.status('DELETE', {}).catch(() => undefined);
    await this.#agent.destroy();
  }

  async #send(
    method: 'GET' | 'POST' | 'DELETE',
    body: string | undefined,
    more: Record<string, string> = {},
  ) {
    const { url, token, patienceMs } = this.#options;
    try {
      return await request(url, {
        method,
        dispatcher: this.#agent,
        headers: {
          accept: 'application/json, text/event-stream',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(this.#session !== undefined && {
            'mcp-session-id': this.#session,
            'mcp-protocol-version': '2025-11-25',
          }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...more,
        },
        bodyTimeout: method === 'GET' ? 0 : patienceMs,
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw fail('CONFORMANCE_NO_SERVER', {
        url,
        problem: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

/** The server's stream of notifications. */
export class Listener {
  readonly heard: Array<{ method?: string; params?: Json }> = [];
  readonly #body: NodeJS.ReadableStream & { destroy(): void };
  readonly #patienceMs: number;
  #wake: () => void = () => {};

  constructor(body: NodeJS.ReadableStream & { destroy(): void }, patienceMs: number) {
    this.#body = body;
    this.#patienceMs = patienceMs;
    let text = '';
    // Closing it is an abort to the client.
    body.on('error', () => {});
    body.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const whole = text.lastIndexOf('\n\n');
      if (whole < 0) return;
      this.heard.push(...eventsOf(text.slice(0, whole)));
      text = text.slice(whole + 2);
      this.#wake();
    });
  }

  /** The first notification that fits; undefined if none came in time. */
  async waitFor(fits: (message: { method?: string; params?: Json }) => boolean) {
    const deadline = AbortSignal.timeout(this.#patienceMs);
    for (;;) {
      const found = this.heard.find(fits);
      if (found !== undefined || deadline.aborted) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  close(): void {
    this.#body.destroy();
  }
}

function eventsOf(text: string): Json[] {
  return text.split(/\r?\n\r?\n/).flatMap((event) => {
    const data = event
      .split(/\r?\n/)
      .filter((line) => line.startsWith('data:'))
      .map((line) => line.slice(5).trimStart())
      .join('\n');
    return parse(data);
  });
}

function parse(text: string): Json[] {
  if (text.trim() === '') return [];
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? [value as Json] : [];
  } catch {
    return [];
  }
}

const one = (header: string | string[] | undefined) => (Array.isArray(header) ? header[0] : header);
