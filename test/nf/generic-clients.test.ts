import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { network, SUPI } from './network.ts';

const run = promisify(execFile);
const present = async (command: string) =>
  run(command, ['--version']).then(
    () => true,
    () => false,
  );
const CURL = await present('curl');
const NGHTTP = await present('nghttp');

const session = {
  ascReqData: {
    supi: SUPI,
    suppFeat: '0',
    notifUri: 'http://127.0.0.1:9/af',
    medComponents: { 1: { medCompN: 1, medType: 'VIDEO', mirBwDl: '2 Mbps', mirBwUl: '1 Mbps' } },
  },
};

// One request a run: some versions of libcurl fail on the second over one connection.
test.skipIf(!CURL)(
  'curl --http2-prior-knowledge creates a session and is refused (skipped without curl)',
  async () => {
    const { net } = await network();
    const curl = async (...args: string[]) => {
      const { stdout } = await run('curl', ['--http2-prior-knowledge', '-s', '-i', ...args]);
      return stdout;
    };
    const at = `${net.nfs.PCF}/npcf-policyauthorization/v1/app-sessions`;
    const json = ['-H', 'content-type: application/json', '-d'];
    const made = await curl(at, ...json, JSON.stringify(session));
    expect(made).toMatch(/^HTTP\/2 201/);
    expect(made).toContain('"notifType":"GUARANTEED"');
    const refused = await curl(at, ...json, '{"ascReqData":{}}');
    expect(refused).toMatch(/^HTTP\/2 400/);
    expect(refused).toContain('application/problem+json');
    expect(refused).toContain('"param":"/ascReqData/notifUri"');
    const query = 'target-nf-type=PCF&requester-nf-type=AF';
    expect(await curl(`${net.nrf}/nnrf-disc/v1/nf-instances?${query}`)).toContain('"nfType":"PCF"');
  },
);

test.skipIf(!NGHTTP)(
  'nghttp asks several functions over one connection each (skipped without nghttp)',
  async () => {
    const { net } = await network();
    const nghttp = async (...args: string[]) => (await run('nghttp', args)).stdout;
    const list = `${net.nrf}/nnrf-nfm/v1/nf-instances`;
    // The same request three times at once on one connection.
    const many = await nghttp('-m', '3', list);
    expect(many.match(/"totalItemCount"/g)).toHaveLength(3);
    const verbose = await nghttp('-v', '-n', list);
    expect(verbose).toContain('content-type: application/3gppHal+json');
    const file = join(await mkdtemp(join(tmpdir(), 'netagent-nghttp-')), 'body.json');
    await writeFile(file, '{"reqCurrentLoc":true}');
    const located = await nghttp(
      '-H:method: POST',
      '-H',
      'content-type: application/json',
      '-d',
      file,
      `${net.nfs.AMF}/namf-loc/v1/${SUPI}/provide-loc-info`,
    );
    expect(located).toContain('"currentLoc":true');
  },
);
