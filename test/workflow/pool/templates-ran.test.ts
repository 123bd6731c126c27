import { afterAll, beforeAll } from 'vitest';
import { type Live, live } from './live/network.ts';
import { ranTemplates } from './live/ran.ts';

/** On a network of its own: what waited during a handover is heard in the delay of the subscriber long after it. */

let net: Live;
beforeAll(async () => {
  net = await live();
});
afterAll(() => net.close());

ranTemplates(() => net);
