import { expect } from 'vitest';
import type { Step } from './step.ts';
import type { World } from './world.ts';

const past = (value: unknown) => expect(Date.parse(value as string)).toBeLessThanOrEqual(Date.now());
const shown = (w: World) => [w.response].flat() as Array<Record<string, unknown>>;
/** Property of the answer, or of each item of it, as it was given when the thing was made. */
const asMade = (w: World, path: string) => {
  const key = path.replace(/^\$\.?/, '');
  const asked = (w.made?.asked ?? w.body ?? {}) as Record<string, unknown>;
  for (const item of shown(w)) expect(item[key]).toEqual(asked[key]);
};
const statusOf = (item: Record<string, unknown>) => item.qosStatus ?? item.status;
const existsOnlyIf = (w: World, property: string, holds: (item: Record<string, unknown>) => boolean) => {
  for (const item of shown(w)) expect(property in item).toBe(holds(item));
};
const dataOf = (w: World) => (w.event?.body.data ?? {}) as Record<string, unknown>;

export const SENT: Step[] = [
  [/^the (request "\w+"|HTTP "POST" request) is sent$/, (w) => w.send()],
  [
    /^a QoS (session|assignment) has been created successfully and includes a valid sink/,
    (w) => w.make({ sink: true }),
  ],
  [/^the QoS (status of the session becomes|assignment outcome is) known$/, () => {}],
  [
    /^an event is received at the address/,
    async (w) => {
      const id = w.params[w.idName];
      const deleted = w.operation === 'deleteSession' || w.operation === 'revokeQosAssignment';
      w.event = await w.bench.event(({ body }) => {
        const data = body.data as Record<string, unknown>;
        return data[w.idName] === id && (!deleted || data.statusInfo === 'DELETE_REQUESTED');
      });
    },
  ],
];

/** What the answer says. */
export const ANSWERED: Step[] = [
  [
    /^the response status code is (\d+)$/,
    (w, _, status) =>
      expect({ status: w.status, body: w.response }).toMatchObject({ status: Number(status) }),
  ],
  [
    /^the response header "Content-Type" is "application\/json"$/,
    (w) => expect(w.responseHeaders.get('content-type')).toMatch(/^application\/json/),
  ],
  [
    /^the response header "x-correlator" has (the )?same value/,
    (w) => expect(w.responseHeaders.get('x-correlator')).toBe(w.headers['x-correlator']),
  ],
  [
    /^the response property "\$\.message" contains a user.friendly text/,
    (w) => expect(w.at('$.message')).toMatch(/^[A-Z].{10,}/),
  ],
  [
    /^the response property "(\$[^"]+)" is (\d+)$/,
    (w, _, path, value) => expect(w.at(path as string)).toBe(Number(value)),
  ],
  [
    /^the response property "(\$[^"]+)" is "([^"]+)" or "([^"]+)"$/,
    (w, _, path, a, b) => expect([a, b]).toContain(w.at(path as string)),
  ],
  [
    /^the response property "(\$[^"]+)" is "([^"]+)"$/,
    (w, _, path, value) => expect(w.at(path as string)).toBe(value),
  ],
  [/^the response body is \[\]$/, (w) => expect(w.response).toEqual([])],
  [
    /^the response body complies with the OAS schema at "([^"]+)"$/,
    (w, check, at) => expect(check(w.api, at as string, w.response)).toBeNull(),
  ],
  [
    /^the response array has only one item which complies with the OAS schema at "([^"]+)"$/,
    (w, check, at) => {
      expect(shown(w)).toHaveLength(1);
      expect(check(w.api, at as string, shown(w)[0])).toBeNull();
    },
  ],
  [
    /^each item of the response array(, if any,)? complies with the OAS schema at "([^"]+)"$/,
    (w, check, _, at) => {
      for (const item of shown(w)) expect(check(w.api, at as string, item)).toBeNull();
    },
  ],
  [
    /^each item of the response array, if any, has property "\$\[\*\]\.status" equal to (\w+)$/,
    (w, _, status) => {
      expect(shown(w).length).toBeGreaterThan(0);
      for (const item of shown(w)) expect(item.status).toBe(status);
    },
  ],
  [
    /^the response property "(\$[^"]+)" value is equal to (the request body property|path param) "([^"]+)"$/,
    (w, _, path, __, name) => {
      expect(w.at(path as string)).toBe((name as string).startsWith('$') ? w.body?.name : w.params.name);
    },
  ],
  [
    /^the restricted QoS Profiles are returned/,
    (w) => expect(shown(w).map(({ name }) => name)).toContain('QOS_VIP'),
  ],
  [
    /^no restricted QoS Profile is included/,
    (w) => expect(shown(w).map(({ name }) => name)).not.toContain('QOS_VIP'),
  ],
  [
    /^the response property "(\$[^"]+)" does not exist$/,
    (w, _, path) => expect(w.at(path as string)).toBeUndefined(),
  ],
  [
    /^(?:the response|in all items in the response,) property "\$?\.?(\w+)" (?:exists only if provided|has the (?:same )?value (?:provided|as in)|matches the rule: (?:same value as|exists only if provided))/,
    (w, _, property) => asMade(w, property as string),
  ],
  [
    /property "\$?\.?startedAt" .*exists/,
    (w) => {
      existsOnlyIf(w, 'startedAt', (item) => statusOf(item) === 'AVAILABLE');
      for (const item of shown(w)) past(item.startedAt);
    },
  ],
  [
    /property "\$?\.?expiresAt" .*exists/,
    (w) => {
      existsOnlyIf(w, 'expiresAt', (item) => statusOf(item) !== 'REQUESTED');
      for (const { expiresAt, startedAt } of shown(w))
        expect(Date.parse(expiresAt as string)).toBeGreaterThan(Date.parse(startedAt as string));
    },
  ],
  [
    /property "\$?\.?statusInfo" .*exists/,
    (w) => existsOnlyIf(w, 'statusInfo', (item) => statusOf(item) === 'UNAVAILABLE'),
  ],
  [
    /^the response property "\$\.duration" is not lower than/,
    (w) => expect(w.at('$.duration')).toBeGreaterThanOrEqual(600),
  ],
  [/^the response property "\$\.duration" does not exceed/, (w) => expect(w.at('$.duration')).toBe(86_400)],
];

/** What the sink was told. */
export const TOLD: Step[] = [
  [
    /^the event header "Authorization" is set to "Bearer:? " \+/,
    (w) => expect(w.event?.headers.authorization).toBe('Bearer sink-secret-token'),
  ],
  [
    /^the event header "Content-Type" is set to "([^"]+)"$/,
    (w, _, type) => expect(w.event?.headers['content-type']).toBe(type),
  ],
  [
    /^the event body complies with the OAS schema at "([^"]+)"$/,
    (w, check, at) => expect(check(w.api, at as string, w.event?.body)).toBeNull(),
  ],
  [
    /^the event body property "\$\.id" is unique$/,
    (w) => {
      const ids = w.bench.received.map(({ body }) => body.id);
      expect(new Set(ids).size).toBe(ids.length);
    },
  ],
  [
    /^the event body property "\$\.type" is set to "([^"]+)"$/,
    (w, _, type) => expect(w.event?.body.type).toBe(type),
  ],
  [
    /^the event body property "\$\.data\.(\w+)" (as returned for|has the same value as)/,
    (w, _, name) => expect(dataOf(w)[name as string]).toBe(w.params[w.idName]),
  ],
  [
    /^the event body property "\$\.data\.(\w+)" is "(\w+)"( or "(\w+)")?$/,
    (w, _, name, a, __, b) => expect([a, b]).toContain(dataOf(w)[name as string]),
  ],
  [
    /^the event body property "\$\.data\.statusInfo" exists only if/,
    (w) => {
      const data = dataOf(w);
      expect('statusInfo' in data).toBe(statusOf(data) === 'UNAVAILABLE');
    },
  ],
];
