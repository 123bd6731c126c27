import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compileTool, MAX_DEFINITION } from '../../src/netmcp/index.ts';
import { importTools, toolsOfBundle } from '../../src/toolization/index.ts';
import { testEnv } from '../netmcp/support/env.ts';
import { provider, SHARED, serving } from './support.ts';

/** Descriptions of 3GPP and others are no part of the project: without them these tests are skipped, by name. */
const there = (name: string) => existsSync(join(SHARED, name));
const upstream = { url: 'http://127.0.0.1:1' };

test.skipIf(!there('camara')).each([
  ['camara', { operations: 50, tools: 50, unsupported: 2, every: 1 }],
  ['tmf', { operations: 20, tools: 20, unsupported: 2, every: 1 }],
  ['3gpp', { operations: 600, tools: 600, unsupported: 15, every: 8 }],
] as const)(
  'all descriptions of %s become tools within the limit (skipped where they are not there)',
  (name, least) => {
    const { bundle, report } = importTools({ root: join(SHARED, name), upstream });
    expect(report.operations).toBeGreaterThanOrEqual(least.operations);
    expect(report.tools).toBeGreaterThanOrEqual(least.tools);
    expect(report.unsupported.length).toBeLessThanOrEqual(least.unsupported);
    expect(
      report.tools +
        report.duplicates.length +
        report.unsupported.filter(({ operation }) => operation !== '*').length,
    ).toBe(report.operations);
    expect(new Set(bundle.tools.map((tool) => tool.name)).size).toBe(report.tools);
    expect(report.bytes.max).toBeLessThanOrEqual(MAX_DEFINITION);
    const { tools } = toolsOfBundle(bundle, { env: testEnv() });
    for (const [at, tool] of tools.entries()) {
      if (at % least.every !== 0) continue;
      const { definition } = compileTool(tool);
      expect(Buffer.byteLength(JSON.stringify(definition))).toBeLessThanOrEqual(MAX_DEFINITION);
    }
    if (name !== '3gpp') return;
    // TS 29.520: startTs of QosSustainabilityInfo, swallowed by a text.
    expect(report.problems).toContainEqual(
      expect.objectContaining({
        file: 'TS29520_Nnwdaf_EventsSubscription.yaml',
        problem: expect.stringContaining('startTs'),
      }),
    );
    const kinds = new Set(bundle.tools.map(({ meta }) => meta.kind));
    expect(kinds.size).toBe(6);
    // The SMF's own request, whose names are those of TS 29.512.
    const policy = tools.find((tool) => tool.name === 'npcf_smpolicycontrol_create_sm_policy');
    const args = {
      supi: 'imsi-001010000000001',
      pduSessionId: 5,
      pduSessionType: 'IPV4',
      dnn: 'internet',
      notificationUri: 'http://127.0.0.1:2/notify',
      sliceInfo_sst: 1,
    };
    expect(compileTool(policy as never).verify(args, {} as never).verdict).toEqual({ decision: 'allow' });
    expect(
      compileTool(policy as never).verify({ ...args, sliceInfo_sst: 256 }, {} as never).verdict,
    ).toMatchObject({
      refusal: { step: 'schema', parameter: 'sliceInfo_sst' },
    });
  },
);

test.skipIf(!there('camara'))(
  'quality on demand of CAMARA is called at a live provider (skipped without its description)',
  async () => {
    const { url, seen } = await provider(() => ({
      status: 201,
      body: { sessionId: 'a', qosStatus: 'REQUESTED', duration: 60 },
    }));
    const root = join(SHARED, 'camara/QualityOnDemand/code');
    const file = 'API_definitions/quality-on-demand.yaml';
    const { bundle } = importTools({ root, files: [file], upstream: { url } });
    const { client } = await serving(bundle);
    const args = {
      device_ipv4Address_publicAddress: '203.0.113.7',
      device_ipv4Address_publicPort: 5000,
      applicationServer_ipv4Address: '198.51.100.0/24',
      qosProfile: 'QOS_L',
      duration: 60,
    };
    const result = await client.callTool('quality_on_demand_create_session', args);
    expect(result).toMatchObject({ isError: false, output: { result: { qosStatus: 'REQUESTED' } } });
    expect(seen[0]).toMatchObject({
      url: '/quality-on-demand/vwip/sessions',
      body: { device: { ipv4Address: { publicAddress: '203.0.113.7', publicPort: 5000 } }, duration: 60 },
    });
    // publicAddress needs publicPort or privateAddress: only the original says so.
    const { device_ipv4Address_publicPort: _, ...short } = args;
    expect((await client.callTool('quality_on_demand_create_session', short)).text).toMatch(
      /device_ipv4Address/,
    );
  },
);
