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
  steps: Step[];
}

export type Json = Record<string, unknown>;

export interface Step {
  /** Name by which later steps refer to its answer: `{{name.result.lease}}`. */
  name?: string;
  to: 'management' | 'tools';
  says: string;
  /** JSON-RPC message of the client; absent where only a notification is waited for. */
  send?: Json;
  /** JSON-RPC message of the server; `null` for a notification of the client. */
  answer?: unknown;
  /** Method of the notification that comes on the stream of the session. */
  hears?: string;
  /** Its params. */
  heard?: unknown;
}

const FOLDER = join(import.meta.dirname, '1.0');

export const sceneFiles = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(FOLDER, name));

export const readScene = (file: string): Scene => JSON.parse(readFileSync(file, 'utf8')) as Scene;

/** The network functions behind the tool server of the stage, all of them. */
const answers = (operation: string): Json =>
  operation === 'orderHandover'
    ? { rat: 'EUTRA' }
    : { supi: 'imsi-001010000000001', tac: '000001', cellId: '001001001', region: 'hangzhou' };

/** Plays a scene to fresh servers and gives it back with what they said. Nothing in it depends on the machine. */
export async function play(scene: Scene): Promise<Scene> {
  const env = testEnv();
  const host = '127.0.0.1';
  const management = await startManagementServer({ env, host, port: 0 });
  const tools = await startToolServer({
    env,
    host,
    port: 0,
    id: 'ran-tools',
    management: management.url,
    nrf: fakeSbi(({ operation }) => ({ status: 200, body: answers(operation), location: null })).port,
    tools: toolsOf('ran').filter(({ name }) => name === 'ran_switch_network'),
  });
  const urls = { management: management.url, tools: tools.url };
  const plain = (value: unknown): unknown => {
    let text = JSON.stringify(value);
    text = text.replaceAll(tools.url, 'http://ran-tools.example/mcp');
    text = text.replaceAll(management.url, 'http://management.example/mcp');
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
      if (step.send !== undefined) {
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
    await tools.close();
    await management.close();
  }
  return { ...scene, steps };
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
