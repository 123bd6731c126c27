import { createHash, randomBytes } from 'node:crypto';
import { TaskState } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutor } from '@a2a-js/sdk/server';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ChunkAssembler, chunksOf } from '../../broker/a2a/binary-artifact.ts';
import { readProperties } from '../../broker/a2a/properties.ts';
import { BROKERS } from './brokers.ts';
import { join, request, textPart } from './support.ts';

const DIGEST = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Answers with a picture, then a text. */
const painter = (picture: Buffer): AgentExecutor => ({
  async execute({ taskId, contextId, userMessage }, bus) {
    const status = (state: TaskState) => ({ state, message: undefined, timestamp: undefined });
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        status: status(TaskState.TASK_STATE_SUBMITTED),
        artifacts: [],
        history: [userMessage],
        metadata: undefined,
      }),
    );
    const raw = {
      content: { $case: 'raw' as const, value: picture },
      metadata: undefined,
      filename: 'map.png',
      mediaType: 'image/png',
    };
    for (const [artifactId, part] of [
      ['picture', raw],
      ['words', textPart('a map')],
    ] as const) {
      const artifact = {
        artifactId,
        name: '',
        description: '',
        parts: [part],
        metadata: undefined,
        extensions: [],
      };
      bus.publish(
        AgentEvent.artifactUpdate({
          taskId,
          contextId,
          artifact,
          append: false,
          lastChunk: true,
          metadata: undefined,
        }),
      );
    }
    const completed = status(TaskState.TASK_STATE_COMPLETED);
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: completed, metadata: undefined }));
  },
  async cancelTask() {},
});

describe.each(BROKERS.filter(({ missing }) => missing === false))('on $kind', ({ start }) => {
  async function ask(picture: Buffer, binaryArtifacts: boolean) {
    const broker = await start();
    const agent = await join(broker.via as string, 'org/unit/painter', painter(picture));
    const asker = await join(broker.via as string, 'org/unit/asker', undefined, { binaryArtifacts });
    onTestFinished(async () => {
      await asker.close();
      await agent.close();
      await broker.close();
    });
    const kinds: string[] = [];
    const got: Array<{ id: string | undefined; part: unknown; digest?: string }> = [];
    for await (const { payload } of (await asker.client('org/unit/painter')).sendMessageStream(
      request('paint'),
    )) {
      kinds.push(payload?.$case ?? '');
      if (payload?.$case !== 'artifactUpdate') continue;
      const [part] = payload.value.artifact?.parts ?? [];
      const content = part?.content;
      const digest = content?.$case === 'raw' ? DIGEST(content.value) : '';
      got.push({
        id: payload.value.artifact?.artifactId,
        part: { ...part, content: content?.$case },
        digest,
      });
    }
    return { kinds, got };
  }

  test.each([
    ['nothing', 0],
    ['less than a chunk', 1_000],
    ['exactly two chunks', 512 * 1024],
    ['several chunks and a bit', 1_500_001],
  ])('an artifact of %s comes as bytes, and is the same', async (_name, size) => {
    const picture = randomBytes(size);
    const binary = await ask(picture, true);
    expect(binary.kinds).toEqual(['task', 'artifactUpdate', 'artifactUpdate', 'statusUpdate']);
    expect(binary.got[0]).toEqual({
      id: 'picture',
      part: { content: 'raw', metadata: undefined, filename: 'map.png', mediaType: 'image/png' },
      digest: DIGEST(picture),
    });
    expect(binary.got[1]?.id).toBe('words');
  });

  test('who does not ask for bytes gets JSON', async () => {
    const picture = randomBytes(300_000);
    const { got } = await ask(picture, false);
    expect(got[0]?.digest).toBe(DIGEST(picture));
  });
});

const item = (raw: Buffer, more: object = {}) => ({
  jsonrpc: '2.0' as const,
  id: '1',
  result: {
    artifactUpdate: {
      taskId: 't',
      contextId: 'c',
      lastChunk: true,
      artifact: { artifactId: 'a', parts: [{ raw: raw.toString('base64'), mediaType: 'image/png' }] },
      ...more,
    },
  },
});

test('chunks make the artifact again in their order; repeated ones change nothing, missing ones leave it open', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 900_000 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
      (size, fate) => {
        const bytes = randomBytes(size);
        const assembler = new ChunkAssembler();
        const whole: string[] = [];
        let lost = false;
        for (const { payload, properties } of chunksOf(item(bytes)) ?? []) {
          const user = readProperties(properties?.userProperties);
          const [next] = fate;
          lost ||= next === 0;
          for (let i = 0; i < (next === 0 ? 0 : next === 1 ? 2 : 1); i += 1) {
            const made = assembler.add(payload as Buffer, properties?.contentType, user);
            const update = (made?.result as ReturnType<typeof item>['result'] | undefined)?.artifactUpdate;
            if (update !== undefined) whole.push(update.artifact.parts[0]?.raw ?? '');
          }
        }
        // One that comes twice as a whole has one number, by which the stream knows it.
        expect([...new Set(whole)]).toEqual(lost ? [] : [bytes.toString('base64')]);
      },
    ),
    { numRuns: 50 },
  );
});

test.each([
  ['a part of an artifact', { lastChunk: false }],
  ['an addition', { append: true }],
  ['one with metadata', { metadata: { a: 1 } }],
])('%s goes as JSON', (_name, more) => {
  expect(chunksOf(item(Buffer.from('x'), more))).toBeNull();
});

test('a stream cannot make its receiver hold more than a limit', () => {
  const assembler = new ChunkAssembler();
  const piece = Buffer.alloc(1024 * 1024);
  const at = (artifact: number, seqno: number) => ({
    'a2a-task-id': 't',
    'a2a-artifact-id': String(artifact),
    'a2a-chunk-seqno': String(seqno),
    'a2a-last-chunk': 'false',
  });
  for (let i = 0; i < 64; i += 1) assembler.add(piece, undefined, at(0, i));
  expect(assembler.add(piece, undefined, at(1, 0))).toBeNull();
  expect(assembler.add(piece, undefined, { ...at(1, 1), 'a2a-last-chunk': 'true' })).toBeNull();
});
