import type { Fetch } from '../../src/workflow/calls/index.ts';

const json = (value: unknown, status = 200) =>
  new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } });

const pet = (id: number) => ({ id, name: `pet ${id}`, status: 'available' });

/** Swagger 2.0, of the two operations that the conformance kit asks for. */
const SWAGGER = {
  swagger: '2.0',
  info: { title: 'pets', version: '1' },
  host: 'petstore.swagger.io',
  basePath: '/v2',
  schemes: ['https'],
  paths: {
    '/pet/findByStatus': {
      get: {
        operationId: 'findPetsByStatus',
        parameters: [{ name: 'status', in: 'query', required: true, type: 'string' }],
      },
    },
    '/pet/{petId}': {
      get: {
        operationId: 'getPetById',
        parameters: [{ name: 'petId', in: 'path', required: true, type: 'integer' }],
      },
    },
  },
};

/** The two services of the internet that the conformance kit calls, as far as it does. */
export const petStore: Fetch = async (given, init = {}) => {
  const url = new URL(given);
  if (url.host === 'httpbin.org') {
    const [, , user, password] = url.pathname.split('/');
    const sent = new Headers(init.headers).get('authorization');
    const right = sent === `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    return right ? json({ authenticated: true, user }) : json({}, 401);
  }
  if (url.pathname === '/v2/swagger.json') return json(SWAGGER);
  if (url.pathname === '/v2/pet/findByStatus') {
    return json([1, 2].map((id) => ({ ...pet(id), status: url.searchParams.get('status') })));
  }
  const id = /^\/v2\/pet\/(\d+)$/.exec(url.pathname)?.[1];
  return id === undefined ? json({ message: 'Pet not found' }, 404) : json(pet(Number(id)));
};
