import { type AddressInfo, createServer } from 'node:net';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { Aedes } from 'aedes';
import { z } from 'zod';
import { loadProto } from '../../../src/workflow/calls/proto.ts';
import { json, serve } from '../../workflow/calls/kit.ts';

const PROTO = `syntax = "proto3"; package radio.v1;
message Cell { string id = 1; double load = 2; }
service Cells { rpc Get(Cell) returns (Cell); rpc Watch(Cell) returns (stream Cell); }`;
type Cell = { id: string; load?: number };

export interface Peers {
  /** A text of a scenario with the addresses of the peers: `http://peer.example`, `port: 50051`. */
  placed(text: string): string;
  /** What the web peer was asked since the last call. */
  asked(): string[];
  close(): Promise<void>;
}

/** Small servers of every protocol, on free ports of this machine. */
export async function openPeers(): Promise<Peers> {
  const grpc = await grpcPeer();
  const bus = await busPeer();
  let asked: string[] = [];
  const flaky = new Map<string, number>();
  const web = await serve(async (seen, response, request) => {
    const { pathname } = new URL(seen.url, 'http://peer.example');
    if (pathname === '/mcp') return mcpAnswer(seen, response, request);
    if (pathname === '/cells.proto') return response.end(PROTO);
    if (pathname === '/alarms.json') return json(response, asyncapi(bus.port));
    if (pathname === '/a2a') return json(response, a2aAnswer(JSON.parse(seen.body)));
    if (pathname === '/schema/cell') return json(response, { type: 'object', required: ['cell'] });
    if (pathname === '/north.js') return response.end('console.log("north")');
    asked.push(`${seen.method} ${seen.url}`);
    const [, kind, value = ''] = pathname.split('/');
    if (kind === 'status') return json(response, { hint: 'as asked' }, Number(value));
    if (kind === 'flaky') {
      const left = flaky.get(pathname) ?? Number(value);
      flaky.set(pathname, left - 1);
      return left > 0 ? json(response, {}, 503) : json(response, { done: true });
    }
    if (kind === 'whoami') return json(response, { authorization: seen.headers.authorization ?? null });
    if (kind === 'never') return;
    return json(response, { path: pathname, body: seen.body === '' ? null : JSON.parse(seen.body) });
  });
  return {
    placed: (text) => text.replaceAll('http://peer.example', web.url).replaceAll('50051', String(grpc.port)),
    asked: () => {
      const since = asked;
      asked = [];
      flaky.clear();
      return since;
    },
    async close() {
      grpc.server.forceShutdown();
      await web.close();
      await bus.close();
    },
  };
}

async function mcpAnswer(...[seen, response, request]: Parameters<Parameters<typeof serve>[0]>) {
  if (seen.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  const mcp = new McpServer({ name: 'peer', version: '1.0.0' });
  mcp.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, ({ a, b }) => ({
    content: [{ type: 'text', text: String(a + b) }],
    structuredContent: { sum: a + b },
  }));
  mcp.registerTool('fails', {}, () => ({ content: [{ type: 'text', text: 'no cell' }], isError: true }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => void mcp.close());
  await mcp.connect(transport as never);
  await transport.handleRequest(request, response, JSON.parse(seen.body));
}

function a2aAnswer({ id, method, params }: { id: unknown; method: string; params: { message?: unknown } }) {
  if (method !== 'SendMessage') {
    return { jsonrpc: '2.0', id, error: { code: -32001, message: 'there is no such task' } };
  }
  const parts = [{ text: 'heard' }];
  const message = { messageId: 'answer', role: 'ROLE_AGENT', parts };
  return { jsonrpc: '2.0', id, result: params.message === undefined ? {} : { message } };
}

async function grpcPeer(): Promise<{ server: Server; port: number }> {
  const proto = { url: new URL('file:///cells.proto'), text: PROTO };
  const loaded = loadPackageDefinition(await loadProto(proto, () => Promise.reject(new Error('no imports'))));
  const { service } = (loaded.radio as unknown as { v1: { Cells: ServiceClientConstructor } }).v1.Cells;
  const server = new Server();
  server.addService(service, {
    Get({ request }: ServerUnaryCall<Cell, Cell>, done: sendUnaryData<Cell>) {
      if (request.id === 'none') done({ code: status.NOT_FOUND, details: 'no such cell' });
      else done(null, { id: request.id, load: 0.5 });
    },
    Watch(call: ServerWritableStream<Cell, Cell>) {
      for (const id of ['a', 'b']) call.write({ id, load: 1 });
      call.end();
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { server, port };
}

/** A broker that answers each subscription with three messages. */
async function busPeer() {
  const broker = await Aedes.createBroker();
  broker.on('subscribe', (subscriptions) => {
    for (const { topic } of subscriptions) {
      for (const load of [10, 90, 95]) {
        broker.publish(
          {
            cmd: 'publish',
            topic: topic.replace('+', 'north'),
            payload: Buffer.from(JSON.stringify({ load })),
            qos: 0,
            retain: false,
            dup: false,
          },
          () => {},
        );
      }
    }
  });
  const listener = createServer(broker.handle);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise<void>((resolve) => {
        broker.close(() => listener.close(() => resolve()));
      }),
  };
}

const asyncapi = (port: number) => ({
  asyncapi: '3.0.0',
  servers: { bus: { host: `127.0.0.1:${port}`, protocol: 'mqtt5' } },
  channels: { loads: { address: 'loads/{area}', parameters: { area: {} } } },
  operations: {
    watchLoads: { action: 'send', channel: { $ref: '#/channels/loads' } },
    tellLoad: { action: 'receive', channel: { $ref: '#/channels/loads' } },
  },
});
