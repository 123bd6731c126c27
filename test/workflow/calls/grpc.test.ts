import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { load } from '@grpc/proto-loader';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCalls } from '../../../src/workflow/calls/index.ts';
import { importsOf } from '../../../src/workflow/calls/proto.ts';
import { callContext, faultOf, PATIENCE, serve, settableEnv, type TestServer } from './kit.ts';

const TYPES = `syntax = "proto3"; package radio.v1;
enum Kind { UNKNOWN = 0; MACRO = 1; }
message Cell {
  string cell_id = 1; Kind kind = 2; map<string, Load> load_by_band = 3; repeated Load history = 4; int64 seen = 5;
  message Load { double prb_ratio = 1; }
}`;
const MAIN = `// import "not/really.proto";
syntax = "proto3"; package radio.v1;
import public "types/cell.proto";
message Import { string import = 1; }
service Cells {
  rpc Get(Cell) returns (Cell);
  rpc Watch(Cell) returns (stream Cell);
  rpc Add(stream Cell) returns (Cell);
  rpc Wait(Cell) returns (Cell);
}`;

type Cell = { cellId: string; [field: string]: unknown };
let web: TestServer;
let grpc: Server;
let port: number;
let folder: string;
/** Calls that are not answered. */
const waiting: unknown[] = [];
const keys: unknown[] = [];

beforeAll(async () => {
  web = await serve(({ url }, response) => {
    const text = { '/main.proto': MAIN, '/types/cell.proto': TYPES, '/bad.proto': 'import "/etc/passwd";' }[
      url
    ];
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain' }).end(text);
  });
  folder = await mkdtemp(join(tmpdir(), 'calls-grpc-'));
  await writeFile(join(folder, 'main.proto'), `${TYPES}\n${MAIN.slice(MAIN.indexOf('message Import'))}`);
  const loaded = loadPackageDefinition(
    await load(join(folder, 'main.proto'), { longs: String, enums: String }),
  );
  const { service } = (loaded.radio as { v1: { Cells: ServiceClientConstructor } }).v1.Cells;
  grpc = new Server();
  grpc.addService(service, {
    Get({ request, metadata }: ServerUnaryCall<Cell, Cell>, done: sendUnaryData<Cell>) {
      keys.push(metadata.get('idempotency-key')[0], metadata.get('authorization')[0]);
      if (request.cellId === 'none') done({ code: status.NOT_FOUND, details: 'no such cell' });
      else if (request.cellId === 'leak') done({ code: status.INTERNAL, details: 'you sent t0ken' });
      else done(null, request);
    },
    Watch(call: ServerWritableStream<Cell, Cell>) {
      for (const cellId of ['a', 'b', 'c']) call.write({ cellId });
      call.end();
    },
    Add(call: AsyncIterable<Cell>, done: sendUnaryData<Cell>) {
      (async () => {
        let last: Cell | null = null;
        for await (const one of call) last = one;
        done(null, last);
      })();
    },
    Wait(call: ServerUnaryCall<Cell, Cell>) {
      waiting.push(call);
      call.on('cancelled', () => waiting.pop());
    },
  });
  port = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
});
afterAll(async () => {
  grpc.forceShutdown();
  await web.close();
  await rm(folder, { recursive: true });
});

const call = (method: string, args: unknown, more: Record<string, unknown> = {}, context = callContext()) =>
  createCalls({
    env: settableEnv(),
    policy: { allow: [`127.0.0.1:${web.port}`, `cells.example:${port}`] },
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  }).grpc(
    {
      proto: { endpoint: `${web.url}/main.proto` },
      service: { name: 'radio.v1.Cells', host: 'cells.example', port },
      method,
      arguments: args,
      ...more,
    },
    context,
  );

test('one message brings one, a stream an array; names are those of the proto or of JSON', async () => {
  expect(
    await call('Get', {
      cell_id: 'x',
      kind: 'MACRO',
      loadByBand: { n_78: { prb_ratio: 0.5 } },
      history: [{ prbRatio: 0.25 }],
      seen: '9007199254740993',
    }),
  ).toEqual({
    cellId: 'x',
    kind: 'MACRO',
    loadByBand: { n_78: { prbRatio: 0.5 } },
    history: [{ prbRatio: 0.25 }],
    seen: '9007199254740993',
  });
  const watched = (await call('Watch', {})) as Cell[];
  expect(watched.map(({ cellId }) => cellId)).toEqual(['a', 'b', 'c']);
  expect(await call('Add', { cellId: 'added' })).toMatchObject({ cellId: 'added' });
});

test('the key of the step and credentials go along', async () => {
  keys.length = 0;
  const service = {
    name: 'Cells',
    host: 'cells.example',
    port,
    authentication: { bearer: { token: 't0ken' } },
  };
  await call('Get', { cellId: 'x' }, { service });
  expect(keys).toEqual(['instance-1/do/0/call/1', 'Bearer t0ken']);
  expect(await faultOf(call('Get', { cellId: 'leak' }, { service }))).toMatchObject({
    kind: 'communication',
    status: 500,
    detail: 'you sent ***',
  });
});

test('arguments that the service does not know are told before anything is sent', async () => {
  const faults = await Promise.all(
    [{ colour: 1 }, { kind: 'TINY' }, { history: {} }, { loadByBand: { a: { x: 1 } } }].map((args) =>
      faultOf(call('Get', args)),
    ),
  );
  expect(faults.map(({ kind, title }) => `${kind}: ${title}`)).toEqual([
    'validation: arguments.colour is no field of Cell',
    'validation: arguments.kind is no value of Kind',
    'validation: arguments.history has to be an array',
    'validation: arguments.loadByBand.a.x is no field of Load',
  ]);
});

test('a refusal has the best status of HTTP', async () => {
  expect(await faultOf(call('Get', { cellId: 'none' }))).toEqual({
    kind: 'communication',
    status: 404,
    title: `radio.v1.Cells/Get at cells.example:${port} ended with NOT_FOUND`,
    detail: 'no such cell',
  });
  const gone = { name: 'Cells', host: '127.0.0.1', port: web.port };
  expect(await faultOf(call('Get', {}, { service: gone }))).toMatchObject({
    kind: 'communication',
    status: 503,
  });
  const refused = { name: 'Cells', host: '10.0.0.1', port };
  expect(await faultOf(call('Get', {}, { service: refused }))).toMatchObject({
    kind: 'authorization',
    status: 403,
  });
  expect(await faultOf(call('Missing', {}))).toMatchObject({ kind: 'configuration' });
});

test('a call is cancelled when its task is left', async () => {
  const controller = new AbortController();
  const left = call('Wait', {}, {}, callContext({ signal: controller.signal }));
  await expect.poll(() => waiting.length, PATIENCE).toBe(1);
  controller.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  await expect.poll(() => waiting.length, PATIENCE).toBe(0);
});

test('a proto reads nothing but what lies beside it', async () => {
  expect(await faultOf(call('Get', {}, { proto: { endpoint: `${web.url}/bad.proto` } }))).toMatchObject({
    kind: 'configuration',
    detail: expect.stringContaining('no path below its folder'),
  });
  for (const text of [
    'import "../a.proto";',
    'import "a/../../b.proto";',
    'import "/etc" "/passwd";',
    'import "\\057etc/passwd";',
    'import/**/weak/* x */"/etc/passwd";',
    "import '/etc/passwd';",
    'import "/etc/passwd',
  ]) {
    expect(() => importsOf(text)).toThrow('cannot be used');
  }
  expect(
    importsOf('/* import "x.proto"; */ import "a/b.proto"; import "google/protobuf/any.proto";'),
  ).toEqual(['a/b.proto']);
});
