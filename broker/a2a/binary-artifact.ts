import type { Reply, ReplyEnvelope } from './envelope.ts';
import type { Outgoing } from './link.ts';

/** Artifacts as bytes instead of base64 in JSON (profile 0.1, native binary artifact mode). */

export const ARTIFACT_MODE = 'a2a-artifact-mode';
export const EVENT_TYPE = 'a2a-event-type';
const CHUNK = 'task-artifact-update';
const NAME = {
  task: 'a2a-task-id',
  context: 'a2a-context-id',
  artifact: 'a2a-artifact-id',
  seqno: 'a2a-chunk-seqno',
  last: 'a2a-last-chunk',
  /** Beyond the profile, which has no place for it. */
  filename: 'a2a-filename',
};
const CHUNK_BYTES = 256 * 1024;
/** Bytes that one stream may have half assembled. */
const MAX_ASSEMBLING = 64 * 1024 * 1024;

type Chunk = Pick<Outgoing, 'payload' | 'properties'>;

interface Update {
  taskId?: string;
  contextId?: string;
  append?: boolean;
  lastChunk?: boolean;
  metadata?: unknown;
  artifact?: {
    artifactId?: string;
    name?: string;
    description?: string;
    metadata?: unknown;
    extensions?: unknown[];
    parts?: Array<{ raw?: string; mediaType?: string; filename?: string; metadata?: unknown }>;
  };
}

/**
 * The messages for an item of a stream, or null when it is to go as JSON: only a whole artifact of one raw
 * part, with nothing beside it that chunks could not carry.
 */
export function chunksOf(item: ReplyEnvelope): Chunk[] | null {
  const update = (item.result as { artifactUpdate?: Update } | undefined)?.artifactUpdate;
  const { artifact, append = false, lastChunk = false } = update ?? {};
  const [part, ...more] = artifact?.parts ?? [];
  if (update === undefined || append || !lastChunk || more.length > 0 || part?.raw === undefined) return null;
  const beside = [update.metadata, artifact?.metadata, part.metadata, artifact?.name, artifact?.description];
  if (beside.some(Boolean) || (artifact?.extensions ?? []).length > 0) return null;
  const bytes = Buffer.from(part.raw, 'base64');
  const count = Math.max(1, Math.ceil(bytes.length / CHUNK_BYTES));
  return Array.from({ length: count }, (_, i) => ({
    payload: bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES),
    properties: {
      payloadFormatIndicator: false,
      ...(part.mediaType ? { contentType: part.mediaType } : {}),
      userProperties: {
        [ARTIFACT_MODE]: 'binary',
        [EVENT_TYPE]: CHUNK,
        [NAME.task]: update.taskId ?? '',
        [NAME.context]: update.contextId ?? '',
        [NAME.artifact]: artifact?.artifactId ?? '',
        [NAME.seqno]: String(i),
        [NAME.last]: String(i === count - 1),
        ...(part.filename ? { [NAME.filename]: part.filename } : {}),
      },
    },
  }));
}

export const isChunk = (properties: Readonly<Record<string, string>>) => properties[EVENT_TYPE] === CHUNK;

/** Puts the chunks of one stream together again, strictly in their order. */
export class ChunkAssembler {
  readonly #open = new Map<string, Buffer[]>();
  #bytes = 0;

  /** The whole item with its last chunk; null before, and for a chunk that does not follow the one before. */
  add(
    payload: Buffer,
    contentType: string | undefined,
    properties: Readonly<Record<string, string>>,
  ): Reply | null {
    const id = `${properties[NAME.task]} ${properties[NAME.artifact]}`;
    const seqno = Number(properties[NAME.seqno]);
    if (seqno === 0) {
      this.#forget(id);
      this.#open.set(id, []);
    }
    const held = this.#open.get(id);
    // Repeated, or one is missing: the item then stays open, and its number says that it is missing.
    if (held === undefined || held.length !== seqno) return null;
    if (this.#bytes + payload.length > MAX_ASSEMBLING) {
      this.#forget(id);
      return null;
    }
    held.push(payload);
    this.#bytes += payload.length;
    if (properties[NAME.last] !== 'true') return null;
    const raw = Buffer.concat(held).toString('base64');
    this.#forget(id);
    const artifactUpdate: Update = {
      taskId: properties[NAME.task] ?? '',
      contextId: properties[NAME.context] ?? '',
      append: false,
      lastChunk: true,
      artifact: {
        artifactId: properties[NAME.artifact] ?? '',
        parts: [
          {
            raw,
            ...(contentType === undefined ? {} : { mediaType: contentType }),
            ...(properties[NAME.filename] === undefined
              ? {}
              : { filename: properties[NAME.filename] as string }),
          },
        ],
      },
    };
    return { jsonrpc: '2.0', result: { artifactUpdate }, properties };
  }

  #forget(id: string): void {
    for (const chunk of this.#open.get(id) ?? []) this.#bytes -= chunk.length;
    this.#open.delete(id);
  }
}
