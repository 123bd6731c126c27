import { afterAll, beforeAll, describe } from 'vitest';
import { centralTemplates } from './live/central.ts';
import { coreTemplates } from './live/core.ts';
import { edgeTemplates } from './live/edge.ts';
import { type Live, live } from './live/network.ts';

/** The templates, run on one simulated network: starting one costs more than most of its tests. */

let net: Live;
beforeAll(async () => {
  net = await live();
});
afterAll(() => net.close());
const given = () => net;

describe('core', () => coreTemplates(given));
describe('transport and computing', () => edgeTemplates(given));
describe('central', () => centralTemplates(given));
