import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCalls } from '../../../src/workflow/calls/index.ts';
import { bind } from '../../../src/workflow/calls/openapi.ts';
import { findOperation } from '../../../src/workflow/calls/openapi-operation.ts';
import { callContext, faultOf, json, serve, settableEnv, type TestServer } from './kit.ts';

const swagger = (port: number) => ({
  swagger: '2.0',
  host: `127.0.0.1:${port}`,
  basePath: '/v2',
  schemes: ['http'],
  paths: {
    '/pet/findByStatus': {
      get: {
        operationId: 'findPetsByStatus',
        produces: ['application/xml', 'application/json'],
        parameters: [
          { name: 'status', in: 'query', required: true, type: 'array', collectionFormat: 'multi' },
        ],
      },
    },
    '/pet/{petId}': {
      parameters: [{ name: 'petId', in: 'path', required: true, type: 'integer' }],
      get: { operationId: 'getPetById' },
      post: {
        operationId: 'updateForm',
        consumes: ['application/x-www-form-urlencoded'],
        parameters: [{ name: 'name', in: 'formData', type: 'string' }],
      },
      put: {
        operationId: 'replace',
        parameters: [{ name: 'pet', in: 'body', required: true, schema: { $ref: '#/definitions/Pet' } }],
      },
    },
  },
  definitions: { Pet: { type: 'object', properties: { name: { type: 'string' } } } },
});

const OPENAPI = `
openapi: 3.1.0
servers:
  - url: /{stage}/api
    variables: { stage: { default: live } }
paths:
  /cells/{cellId}/kpis:
    parameters:
      - { $ref: '#/components/parameters/cellId' }
    post:
      operationId: report
      parameters:
        - { name: tags, in: query, schema: { type: array } }
        - { name: window, in: query, style: deepObject, explode: true, schema: { type: object } }
        - { name: X-Area, in: header, schema: { type: string } }
        - { name: session, in: cookie, schema: { type: string } }
      requestBody:
        required: true
        content:
          application/json:
            schema: { $ref: '#/components/schemas/Report' }
      responses: { '200': { content: { application/json: {} } } }
components:
  parameters:
    cellId: { name: cellId, in: path, required: true, schema: { type: string } }
  schemas:
    Report: { type: object, properties: { prb: { type: number } } }
`;

let server: TestServer;
beforeAll(async () => {
  server = await serve((seen, response) => {
    if (seen.url === '/swagger.json') return json(response, swagger(server.port));
    if (seen.url === '/docs/openapi.yaml') {
      return response.writeHead(200, { 'content-type': 'application/yaml' }).end(OPENAPI);
    }
    if (seen.url === '/cycle.json') {
      return json(response, { openapi: '3.0.0', paths: { '/a': { $ref: '#/paths/~1a' } } });
    }
    return json(response, seen);
  });
});
afterAll(() => server.close());

const call = (path: string, operationId: string, parameters = {}, more = {}) =>
  createCalls({ env: settableEnv(), policy: { allow: ['127.0.0.1'] } }).openapi(
    { document: { endpoint: server.url + path }, operationId, parameters, ...more },
    callContext(),
  );

test('Swagger 2: host, base path, query, form and body', async () => {
  expect(await call('/swagger.json', 'findPetsByStatus', { status: ['sold', 'a b'] })).toMatchObject({
    method: 'GET',
    url: '/v2/pet/findByStatus?status=sold&status=a%20b',
    headers: { accept: 'application/json' },
  });
  expect(await call('/swagger.json', 'getPetById', { petId: 1 }, { output: 'response' })).toMatchObject({
    request: { method: 'GET', uri: `${server.url}/v2/pet/1` },
    statusCode: 200,
    content: { url: '/v2/pet/1' },
  });
  expect(await call('/swagger.json', 'updateForm', { petId: 1, name: 'x y' })).toMatchObject({
    body: 'name=x+y',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  expect(await call('/swagger.json', 'replace', { petId: 1, pet: { name: 'x' } })).toMatchObject({
    method: 'PUT',
    body: '{"name":"x"}',
  });
});

test('OpenAPI 3: a server beside the document, every place of a parameter, the body by property', async () => {
  expect(
    await call('/docs/openapi.yaml', 'report', {
      cellId: 'a/b',
      tags: [1, 2],
      window: { from: 1, to: 2 },
      'X-Area': 'north',
      session: 's 1',
      prb: 0.5,
    }),
  ).toMatchObject({
    method: 'POST',
    url: '/live/api/cells/a%2Fb/kpis?tags=1&tags=2&window%5Bfrom%5D=1&window%5Bto%5D=2',
    headers: { 'x-area': 'north', cookie: 'session=s%201', 'content-type': 'application/json' },
    body: '{"prb":0.5}',
  });
  expect(await call('/docs/openapi.yaml', 'report', { cellId: 'c', body: [1] })).toMatchObject({
    body: '[1]',
  });
});

test('what is missing, unknown or out of place is told before anything is sent', async () => {
  const before = server.seen.length;
  const faults = [
    await faultOf(call('/swagger.json', 'findPetsByStatus')),
    await faultOf(call('/docs/openapi.yaml', 'report', {})),
    await faultOf(call('/swagger.json', 'getPetById', { petId: 1, colour: 'red' })),
    await faultOf(call('/swagger.json', 'getPetById', { petId: '..' })),
    await faultOf(call('/swagger.json', 'updateForm', { petId: { a: { b: 1 } } })),
  ];
  expect(faults.map(({ kind, title }) => `${kind}: ${title}`)).toEqual([
    'validation: The operation needs status',
    'validation: The operation needs cellId, body',
    'validation: The operation has no parameter colour',
    'validation: The parameter petId cannot stand in a path',
    'validation: The parameter petId is nested deeper than a parameter can be',
  ]);
  const calls = server.seen.slice(before).filter(({ url }) => !/swagger|openapi/.test(url));
  expect(calls).toEqual([]);
});

test('a document that cannot be used is an error of configuration', async () => {
  for (const [path, operationId] of [
    ['/swagger.json', 'none'],
    ['/cycle.json', 'x'],
    ['/anything', 'x'],
  ] as const) {
    expect(await faultOf(call(path, operationId))).toMatchObject({ kind: 'configuration', status: 400 });
  }
});

test('a schema that is a part of itself many times over is read once', () => {
  const parts = Array.from({ length: 50 }, () => ({ $ref: '#/components/schemas/A' }));
  const content = { 'application/json': { schema: parts[0] } };
  const document = {
    openapi: '3.0.0',
    servers: [{ url: 'http://127.0.0.1' }],
    paths: { '/': { post: { operationId: 'a', requestBody: { content } } } },
    components: { schemas: { A: { allOf: parts, properties: { body: {} } } } },
  };
  const operation = findOperation(document, 'a', new URL('file:///a.json'));
  expect(bind(operation, { body: 1 }).body).toEqual({ body: 1 });
});

test('a header of a description cannot smuggle others', () => {
  const document = {
    openapi: '3.0.0',
    servers: [{ url: 'http://127.0.0.1' }],
    paths: {
      '/': { get: { operationId: 'a', parameters: [{ name: 'X-A', in: 'header' }] } },
    },
  };
  const operation = findOperation(document, 'a', new URL('file:///a.json'));
  expect(() => bind(operation, { 'X-A': 'b\r\nx-evil: 1' })).toThrow('has letters that no header has');
});
