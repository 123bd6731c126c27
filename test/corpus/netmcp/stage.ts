import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Probe } from '../../../src/netmcp/conformance/probe.ts';
import { startManagementServer, startToolServer, toolsOf } from '../../../src/netmcp/index.ts';
import { testEnv } from '../../netmcp/support/env.ts';
import { fakeSbi } from '../../netmcp/support/tools.ts';

/** A scene of the corpus: messages to real servers, and what they answered. */
export interface Scene {
  id: string;
  title: string;
  /** Clause of the wire profile. */
  clause: string;
  says: string;
  /** What stands on the stage, where it is more than one server with one tool. */
  stage?: Props;
  steps: Step[];
}

export interface Props {
  /** Tools of the tool server. */
  tools?: string[];
  /** A second tool server, and its tools. */
  peer?: { id: string; tools: string[] };
  /** Tools that the tool server shows before a toolset is loaded; without it, all. */
  core?: string[];
  /** The tool server wants tokens of this authorisation server; it then has no registry. */
  issuer?: string;
}

export type Json = Record<string, unknown>;

export interface Step {
  /** Name by which later steps refer to its answer: `{{name.result.lease}}`. */
  name?: string;
  to: 'management' | 'tools';
  says: string;
  /** What the operator of the tool server does, or the virtual clock, before the message. */
  before?: { load?: number; approve?: string; passMs?: number };
  /** JSON-RPC message of the client; absent where only a notification is waited for. */
  send?: Json;
  /** Reads a document of the origin instead. */
  get?: string;
  /** The bearer token that comes with it. */
  token?: string;
  /** Status and challenge, where they are what the step shows. */
  http?: { status?: number; challenge?: string };
  /** JSON-RPC message of the server; `null` for a notification of the client. */
  answer?: unknown;
  /** Method of the notification that comes on the stream of the session. */
  hears?: string;
  /** Its params. */
  heard?: unknown;
}

const LOCATION = {
  location: { nrLocation: { tai: { tac: '000001' }, ncgi: { nrCellId: '001001001' } } },
  geoInfo: 'hangzhou',
};

const FOLDER = join(import.meta.dirname, '1.0');

export const sceneFiles = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(FOLDER, name));

export const readScene = (file: string): Scene => JSON.parse(readFileSync(file, 'utf8')) as Scene;

/** What the network functions behind the tool servers of the stage answer, by operation. */
const ANSWERS = new Map<string, Json>([
  ['orderHandover', { rat: 'EUTRA', switched: true }],
  ['ProvideLocationInfo', LOCATION],
  ['CountHandovers', { handovers: { total: 3 } }],
]);

/** Plays a scene to fresh servers and gives it back with what they said. Nothing in it depends on the machine. */
export async function play(scene: Scene): Promise<Scene> {
  const { tools: names = ['ran_switch_network'], peer, core, issuer } = scene.stage ?? {};
  const env = testEnv();
  const host = '127.0.0.1';
  const management = await startManagementServer({ env, host, port: 0 });
  const start = (id: string, offered: string[]) =>
    startToolServer({
      env,
      host,
      port: 0,
      id,
      ...(issuer === undefined
        ? { management: management.url }
        : { auth: { issuer, client: { clientId: id } } }),
      nrf: fakeSbi(({ operation }) => ({ status: 200, body: ANSWERS.get(operation) ?? {}, location: null })).port,
      tools: [...toolsOf('ran'), ...toolsOf('core')].filter(({ name }) => offered.includes(name)),
      life: core === undefined ? {} : { toolsets: { core: { tools: core } } },
    });
  const tools = await start('ran-tools', names);
  const second = peer === undefined ? null : await start(peer.id, peer.tools);
  const urls = { management: management.url, tools: tools.url };
  /** Addresses and what is random by nature, and what stands for it in the corpus. */
  const stands = new Map([
    [originOf(tools.url), originOf('http://ran-tools.example')],
    [originOf(management.url), originOf('http://management.example')],
  ]);
  if (second !== null) stands.set(originOf(second.url), originOf(`http://${second.id}.example`));
  const plain = (value: unknown): unknown => {
    const { contextId, secret } = ((value as Json | null)?.result ?? {}) as Json;
    if (typeof contextId === 'string') stands.set(contextId, `${contextId.split(':')[0]}:RANDOM-ID`);
    if (typeof secret === 'string') stands.set(secret, 'RANDOM-SECRET');
    let text = JSON.stringify(value);
    for (const [real, name] of stands) text = text.replaceAll(real, name);
    return JSON.parse(text) as unknown;
  };
  const probes = new Map<string, Probe>();
  const streams = new Map<string, Awaited<ReturnType<Probe['listen']>>>();
  const said = new Map<string, unknown>();
  const steps: Step[] = [];
  try {
    for (const step of scene.steps) {
      const probe = probes.get(step.to) ?? new Probe({ url: urls[step.to], patienceMs: 10_000 });
      probes.set(step.to, probe);
      const done: Step = { ...step };
      if (step.hears !== undefined && !streams.has(step.to)) streams.set(step.to, await probe.listen());
      await prepare(step.before ?? {});
      if (step.http !== undefined) {
        const { json, http } = await bare(urls[step.to], step);
        done.answer = plain(json);
        done.http = plain(http) as NonNullable<Step['http']>;
      } else if (step.send !== undefined) {
        const { json } = await probe.post(fill(step.send, said));
        if (step.name !== undefined) said.set(step.name, json);
        done.answer = json === undefined ? null : plain(json);
      }
      if (step.hears !== undefined) {
        const wanted = (step.heard ?? {}) as Json;
        const message = await streams
          .get(step.to)
          ?.waitFor(
            ({ method, params }) =>
              method === step.hears && (wanted.state === undefined || params?.state === wanted.state),
          );
        done.heard = plain(message?.params ?? null);
      }
      steps.push(done);
    }
  } finally {
    for (const stream of streams.values()) stream.close();
    for (const probe of probes.values()) await probe.close();
    await second?.close();
    await tools.close();
    await management.close();
  }
  return { ...scene, steps };

  async function prepare({ load, approve, passMs }: NonNullable<Step['before']>): Promise<void> {
    if (load !== undefined) await tools.setLoad(load);
    if (passMs !== undefined) env.pass(passMs);
    const pending = tools.life.approvals().find(({ name }) => name === approve);
    if (pending !== undefined) await tools.life.approve(pending.name, pending.hash, { by: 'operator' });
  }
}

const originOf = (url: string) => `${new URL(url).origin}/`;

/** One request outside any session. */
async function bare(url: string, { get, send, token }: Step) {
  const response = await fetch(get === undefined ? url : new URL(get, url), {
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(get === undefined && { method: 'POST', body: JSON.stringify(send) }),
  });
  const challenge = response.headers.get('www-authenticate');
  const json: unknown = await response.json();
  return { json, http: { status: response.status, ...(challenge !== null && { challenge }) } };
}

/** Replaces `{{step.path}}` by what an earlier step was answered. */
function fill(message: Json, said: ReadonlyMap<string, unknown>): Json {
  const text = JSON.stringify(message).replaceAll(/\{\{([\w.-]+)\}\}/g, (_, path: string) => {
    const [name = '', ...keys] = path.split('.');
    let value = said.get(name);
    for (const key of keys) value = (value as Json | undefined)?.[key];
    return String(value);
  });
  return JSON.parse(text) as Json;
}
