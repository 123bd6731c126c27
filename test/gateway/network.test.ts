import { expect, onTestFinished, test } from 'vitest';
import { recorder } from '../bus/support.ts';
import { network } from '../nf/network.ts';
import { stage } from './support.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

async function operated() {
  const { net } = await network();
  const at = await stage(recorder(), {
    network: { functions: () => net.nfs, faults: net.faults },
  });
  onTestFinished(() => at.close());
  const url = `${at.gateway.url}/network`;
  const inject = (fault: unknown, headers: Record<string, string> = JSON_TYPE) =>
    fetch(`${url}/faults`, { method: 'POST', headers, body: JSON.stringify(fault) });
  const clear = (id: string) => fetch(`${url}/faults/${id}`, { method: 'DELETE', headers: JSON_TYPE });
  const shown = async () => (await (await fetch(url)).json()) as { functions: object; faults: unknown[] };
  return { net, inject, clear, shown };
}

test('the operator sees the functions, breaks a link, and mends it', async () => {
  const { net, inject, clear, shown } = await operated();
  expect(await shown()).toEqual({ functions: net.nfs, faults: [] });
  const fault = { kind: 'link-cut', link: 'link-central-shanghai' };
  const made = await inject(fault);
  expect(made.status).toBe(201);
  expect(await made.json()).toEqual({ id: 'fault-1', ...fault });
  expect((await shown()).faults).toEqual([{ id: 'fault-1', ...fault }]);
  expect((await clear('fault-1')).status).toBe(204);
  expect((await clear('fault-1')).status).toBe(404);
  expect((await shown()).faults).toEqual([]);
});

test('what cannot be broken, and a web page, are refused and nothing changes', async () => {
  const { inject, shown } = await operated();
  for (const fault of [{ kind: 'nonsense' }, { kind: 'link-cut', link: 'nowhere' }, []]) {
    const answer = await inject(fault);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: 'NETWORK_FAULT_INVALID' });
  }
  const fault = { kind: 'link-cut', link: 'link-central-shanghai' };
  expect((await inject(fault, { 'content-type': 'text/plain' })).status).toBe(403);
  expect((await inject(fault, { ...JSON_TYPE, origin: 'http://evil.example' })).status).toBe(403);
  expect((await shown()).faults).toEqual([]);
});
