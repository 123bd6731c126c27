import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  AddressPool,
  CoreNetwork,
  Faults,
  ObjectStore,
  Sites,
  Slices,
  Transport,
} from '../../src/network/core/index.ts';
import { patched } from '../../src/network/nf/nrf-profile.ts';
import { jsonPart, writeMultipart } from '../../src/sbi/multipart.ts';

test('no address is given twice, and a free one is given again', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (takes) => {
      const pool = new AddressPool();
      const held: string[] = [];
      for (const take of takes) {
        if (take || held.length === 0) held.push(pool.take() as string);
        else expect(pool.release(held.pop() as string)).toBe(true);
        expect(new Set(held).size).toBe(held.length);
        expect(pool.inUse).toBe(held.length);
      }
    }),
  );
  const pool = new AddressPool();
  expect(pool.take()).toBe('10.45.0.2');
  expect(pool.release('10.45.9.9')).toBe(false);
});

test('a slice never has more sessions than it may', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.boolean())), (steps) => {
      const slices = new Slices([{ sNssai: { sst: 1 }, dnns: ['x'], maxPduSessions: 4 }]);
      const there = new Set<string>();
      for (const [n, enter] of steps) {
        const id = `s${n}`;
        if (enter) {
          const refused = slices.admit({ sst: 1 }, 'x', id);
          expect(refused === undefined).toBe(there.has(id) || there.size < 4);
          if (refused === undefined) there.add(id);
        } else {
          slices.release(id);
          there.delete(id);
        }
        expect(slices.use()[0]?.sessions).toBe(there.size);
      }
    }),
  );
});

test('a link without faults leaves its path as it is; more traffic never makes it faster', () => {
  const faults = new Faults();
  const transport = new Transport(faults);
  const path = { dnai: 'edge-x', delayMs: 5.3, healthy: true };
  expect(transport.shape(path)).toEqual(path);
  let last = path.delayMs;
  for (let mbps = 100; mbps <= 1500; mbps += 100) {
    transport.offer('edge-x', 's', mbps);
    const { delayMs } = transport.shape(path);
    expect(delayMs).toBeGreaterThanOrEqual(last);
    last = delayMs;
  }
  expect(last).toBeGreaterThan(path.delayMs);
  transport.offer('edge-x', 's', 0);
  expect(transport.shape(path)).toEqual(path);
});

test('what is allocated at a site and what is free are always what it has', () => {
  const step = fc.oneof(
    fc.record({ vcpu: fc.integer({ min: 1, max: 40 }), memoryMiB: fc.integer({ min: 1, max: 200_000 }) }),
    fc.integer({ min: 0, max: 20 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const sites = new Sites(() => ['x'], new Faults());
      for (const one of steps) {
        if (typeof one === 'number') sites.release(sites.allocations()[one]?.allocationId ?? '');
        else sites.allocate('edge-x', 'a', { ...one, gpu: 0 });
        const site = sites.site('edge-x');
        const used = sites.allocations().reduce((sum, { vcpu }) => sum + vcpu, 0);
        expect(used + (site?.free.vcpu ?? 0)).toBe(64);
        expect(site?.free.vcpu).toBeGreaterThanOrEqual(0);
        expect(site?.free.memoryMiB).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

test('a bucket never holds more than its quota', () => {
  const put = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.string({ maxLength: 12 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(put, { maxLength: 60 }), (puts) => {
      const store = new ObjectStore();
      store.setBucket('x', 'edge-x', 20);
      for (const [key, data, remove] of puts) {
        if (remove) store.remove('x', key);
        else store.put('x', key, 'text/plain', data);
        expect(store.bucket('x')?.usedBytes).toBeLessThanOrEqual(20);
      }
    }),
  );
});

test('the core is the same for the same requests', () => {
  const run = () => {
    const core = new CoreNetwork({ regions: () => ['a', 'b'] });
    core.faults.add({ kind: 'link-congested', link: 'link-edge-a', load: 80 });
    core.sites.allocate('edge-a', 'x', { vcpu: 3, memoryMiB: 5, gpu: 1 });
    return JSON.stringify([core.sites.list(), core.transport.link('edge-a'), core.addresses.take()]);
  };
  expect(run()).toBe(run());
});

test('a patch that is undone leaves what was', () => {
  const value = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 2 }));
  fc.assert(
    fc.property(value, fc.jsonValue({ maxDepth: 1 }), (before, given) => {
      const copy = JSON.stringify(before);
      const added = patched(before, [{ op: 'add', path: '/d', value: given }]);
      expect(JSON.stringify(before)).toBe(copy);
      expect(JSON.stringify(patched(added, [{ op: 'remove', path: '/d' }]))).toBe(copy);
    }),
  );
  const safe = patched({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }]) as object;
  expect(Object.getPrototypeOf(safe)).toBe(Object.prototype);
});

test('the JSON of a multipart message is what was put in, whatever stands beside it', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 }),
      (json, parts) => {
        const attachments = parts.map((data, n) => ({
          contentId: `p${n}`,
          contentType: 'application/x',
          data,
        }));
        const { body, contentType } = writeMultipart(json, attachments);
        expect(jsonPart(body, contentType)).toBe(JSON.stringify(json));
      },
    ),
  );
  const { body, contentType } = writeMultipart({}, []);
  expect(jsonPart(body, 'multipart/related; boundary=other')).toBeUndefined();
  expect(jsonPart(Buffer.from('garbage'), contentType)).toBeUndefined();
});
