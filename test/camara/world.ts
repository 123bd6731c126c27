import { expect } from 'vitest';
import type { Bench, ReceivedEvent } from './bench.ts';
import type { Api } from './description.ts';

export const PHONE = '+9990000000001';
const SINK_TOKEN = 'sink-secret-token';

const OPERATIONS: Record<string, { method: string; path: string }> = {
  createSession: { method: 'POST', path: '/quality-on-demand/vwip/sessions' },
  getSession: { method: 'GET', path: '/quality-on-demand/vwip/sessions/{sessionId}' },
  deleteSession: { method: 'DELETE', path: '/quality-on-demand/vwip/sessions/{sessionId}' },
  extendQosSessionDuration: {
    method: 'POST',
    path: '/quality-on-demand/vwip/sessions/{sessionId}/extend',
  },
  retrieveSessionsByDevice: { method: 'POST', path: '/quality-on-demand/vwip/retrieve-sessions' },
  createQosAssignment: { method: 'POST', path: '/qos-provisioning/vwip/qos-assignments' },
  getQosAssignmentById: { method: 'GET', path: '/qos-provisioning/vwip/qos-assignments/{assignmentId}' },
  revokeQosAssignment: { method: 'DELETE', path: '/qos-provisioning/vwip/qos-assignments/{assignmentId}' },
  getQosAssignmentByDevice: { method: 'POST', path: '/qos-provisioning/vwip/retrieve-qos-assignment' },
  retrieveQosProfiles: { method: 'POST', path: '/qos-profiles/vwip/retrieve-qos-profiles' },
  getQosProfile: { method: 'GET', path: '/qos-profiles/vwip/qos-profiles/{name}' },
};

type Json = Record<string, unknown>;

/** What one scenario has set up, sent and received. */
export class World {
  readonly bench: Bench;
  readonly operation: string;
  readonly api: Api;
  headers: Record<string, string | undefined> = { 'content-type': 'application/json' };
  params: Record<string, string> = {};
  body: Json | undefined;
  /** Instead of `body`, as it is. */
  rawBody: string | undefined;
  status = 0;
  responseHeaders = new Headers();
  response: unknown;
  /** What was made before the request of the scenario: asked and answered. */
  made: { asked: Json; answered: Json } | undefined;
  event: ReceivedEvent | undefined;
  limited = false;

  constructor(bench: Bench, file: string) {
    this.bench = bench;
    this.operation = (file.replace('.feature', '').split('-').at(-1) ?? '') as string;
    this.api = file.startsWith('qos-profiles')
      ? 'qos-profiles'
      : file.startsWith('qos-provisioning')
        ? 'qos-provisioning'
        : 'quality-on-demand';
    this.body = this.defaultBody();
  }

  get kind(): 'session' | 'assignment' {
    return this.api === 'qos-provisioning' ? 'assignment' : 'session';
  }

  get idName(): string {
    return `${this.kind}Id`;
  }

  defaultBody(operation = this.operation): Json | undefined {
    const device = { phoneNumber: PHONE };
    switch (operation) {
      case 'createSession':
        return {
          device,
          applicationServer: { ipv4Address: '198.51.100.0/24' },
          devicePorts: { ranges: [{ from: 5010, to: 5020 }], ports: [5060] },
          applicationServerPorts: { ports: [443] },
          qosProfile: 'QOS_S',
          duration: 3600,
        };
      case 'createQosAssignment':
        return { device, qosProfile: 'QOS_S' };
      case 'extendQosSessionDuration':
        return { requestedAdditionalDuration: 600 };
      case 'retrieveSessionsByDevice':
      case 'getQosAssignmentByDevice':
      case 'retrieveQosProfiles':
        return { device };
      default:
        return undefined;
    }
  }

  async use(claims: Parameters<Bench['token']>[0]): Promise<void> {
    this.headers.authorization = `Bearer ${await this.bench.token(claims)}`;
  }

  /** A token that names the device; the body must not then. */
  async useDevice(phoneNumber = PHONE): Promise<void> {
    await this.use({ phoneNumber });
    if (this.body !== undefined) delete this.body.device;
  }

  set(path: string, value: unknown): void {
    this.body ??= {};
    const keys = path.replace(/^\$\.?/, '').split('.');
    let at: Json = this.body;
    for (const key of keys.slice(0, -1)) {
      at[key] = { ...(at[key] as Json) };
      at = at[key] as Json;
    }
    at[keys.at(-1) as string] = value;
  }

  unset(path: string): void {
    const keys = path.replace(/^\$\.?/, '').split('.');
    let at: Json | undefined = this.body;
    for (const key of keys.slice(0, -1)) at = at?.[key] as Json | undefined;
    if (at !== undefined) delete at[keys.at(-1) as string];
  }

  withSink(): void {
    this.set('$.sink', this.bench.sink);
    this.set('$.sinkCredential', {
      credentialType: 'ACCESSTOKEN',
      accessToken: SINK_TOKEN,
      accessTokenExpiresUtc: '2099-01-01T00:00:00Z',
      accessTokenType: 'bearer',
    });
  }

  async fetch(
    operation: string,
    body: Json | undefined,
    params: Record<string, string>,
    headers = this.headers,
  ) {
    const { method, path } = OPERATIONS[operation] as { method: string; path: string };
    const at = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
    const raw = this.rawBody ?? (body === undefined ? undefined : JSON.stringify(body));
    const answer = await fetch(`${this.limited ? this.bench.limited : this.bench.url}${at}`, {
      method,
      headers: sent as Record<string, string>,
      ...(method !== 'GET' && method !== 'DELETE' && raw !== undefined && { body: raw }),
    });
    const text = await answer.text();
    return { answer, json: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }

  /** Makes a session or an assignment, as the client `app` unless told otherwise. */
  async make(options: { sink?: boolean; profile?: string } = {}): Promise<Json> {
    const operation = this.kind === 'session' ? 'createSession' : 'createQosAssignment';
    const before = this.body;
    this.body = this.defaultBody(operation) as Json;
    if (options.profile !== undefined) this.body.qosProfile = options.profile;
    if (options.sink) this.withSink();
    const asked = this.body;
    this.body = before;
    const authorization = `Bearer ${await this.bench.token({})}`;
    const { answer, json } = await this.fetch(
      operation,
      asked,
      {},
      {
        'content-type': 'application/json',
        authorization,
      },
    );
    expect({ status: answer.status, json }).toMatchObject({ status: 201 });
    this.made = { asked, answered: json as Json };
    this.params[this.idName] = (json as Json)[this.idName] as string;
    return json as Json;
  }

  async send(): Promise<void> {
    const path = OPERATIONS[this.operation]?.path ?? '';
    if (path.includes(`{${this.idName}}`) && this.params[this.idName] === undefined) await this.make();
    const { answer, json } = await this.fetch(this.operation, this.body, this.params);
    this.status = answer.status;
    this.responseHeaders = answer.headers;
    this.response = json;
  }

  /** Value at `$.a.b`, `$[0].name`. */
  at(path: string): unknown {
    const keys = path
      .replace(/^\$\.?/, '')
      .split(/[.[\]]+/)
      .filter((key) => key !== '');
    return keys.reduce<unknown>((value, key) => (value as Json | undefined)?.[key], this.response);
  }

  /** Deletes whatever is left, so that the next scenario finds a device without QoS. */
  async tidy(): Promise<void> {
    for (const record of [...this.bench.records.values()]) {
      const authorization = `Bearer ${await this.bench.token({ client: record.client })}`;
      const operation = record.kind === 'session' ? 'deleteSession' : 'revokeQosAssignment';
      this.limited = false;
      this.rawBody = undefined;
      await this.fetch(
        operation,
        undefined,
        { sessionId: record.id, assignmentId: record.id },
        { authorization },
      );
    }
  }
}
