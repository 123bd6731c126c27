import { createHash, createHmac } from 'node:crypto';
import { closeSync, constants, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import { canonical } from './canonical.ts';

/** What is written down; arguments only as the hash of their plan. */
export interface AuditEvent {
  event:
    | 'call.refused'
    | 'approval.asked'
    | 'approval.given'
    | 'approval.refused'
    | 'effect.begun'
    | 'effect.ended'
    | 'effect.doubt';
  server: string;
  agent: string;
  tool: string;
  plan: string;
  /** Who approved, which rule refused, how it ended. */
  detail?: string;
}

export interface Audit {
  /** On disk when it returns. @throws AUDIT_BROKEN */
  write(event: AuditEvent): void;
  close(): void;
}

const lineSchema = z.looseObject({ seq: z.number().int(), prev: z.string(), hash: z.string() });
const FIRST = '0'.repeat(64);
/** `seq hash`, in the file beside the log: a log whose last lines were deleted no longer ends there. */
const HEAD = /^(\d{12}) ([0-9a-f]{64})\n$/;

export interface AuditCheck {
  ok: boolean;
  lines: number;
  /** The first line that is not as it was written, counted from 1. */
  problem?: { line: number; what: string };
}

/** Writes nowhere. */
export const noAudit: Audit = { write: () => undefined, close: () => undefined };

/**
 * An append-only log whose lines are chained by hashes (attack 31): each one contains the hash of the one
 * before. With `key` the hashes are HMACs, so that only its holder could write a chain anew. A line that a
 * killed process left half-written is cut off; anything else that is wrong is refused.
 * @throws AUDIT_BROKEN
 */
export function openAudit(options: { file: string; clock: Clock; key?: string }): Audit {
  const { file, clock, key } = options;
  mkdirSync(dirname(file), { recursive: true });
  const whole = repair(file);
  const found = examine(whole, readHead(file), key, true);
  if (found.problem !== undefined)
    throw fail('AUDIT_BROKEN', { file, problem: `line ${found.problem.line}: ${found.problem.what}` });
  const log = openSync(file, 'a', 0o600);
  // Not truncated: a process killed here leaves the old head.
  const head = openSync(`${file}.head`, constants.O_RDWR | constants.O_CREAT, 0o600);
  let { seq, last } = found;
  const writeHead = () => writeSync(head, `${String(seq).padStart(12, '0')} ${last}\n`, 0);
  writeHead();
  return {
    write(event) {
      const body = { seq: seq + 1, at: clock.now(), ...event, prev: last };
      const hash = hashOf(body, key);
      try {
        writeSync(log, `${JSON.stringify({ ...body, hash })}\n`);
        seq += 1;
        last = hash;
        writeHead();
      } catch (error) {
        throw fail('AUDIT_BROKEN', { file, problem: String((error as Error).message) }, { cause: error });
      }
    },
    close() {
      closeSync(log);
      closeSync(head);
    },
  };
}

/** Whether an audit log is as it was written. */
export function checkAudit(file: string, key?: string): AuditCheck {
  const { seq, problem } = examine(readText(file), readHead(file), key, false);
  return { ok: problem === undefined, lines: seq, ...(problem && { problem }) };
}

function examine(
  text: string,
  head: { seq: number; hash: string } | null,
  key: string | undefined,
  opening: boolean,
) {
  let seq = 0;
  let last = FIRST;
  const at = (what: string) => ({ seq, last, problem: { line: seq + 1, what } });
  let before = FIRST;
  for (const line of text.split('\n').slice(0, -1)) {
    const read = lineSchema.safeParse(parse(line));
    if (!read.success) return at('it is no line of this log');
    const { hash, ...body } = read.data;
    if (body.seq !== seq + 1) return at('a line is missing before it');
    if (body.prev !== last) return at('the line before it was changed');
    if (hashOf(body, key) !== hash) return at('it was changed');
    before = last;
    seq += 1;
    last = hash;
  }
  if (!text.endsWith('\n') && text !== '') return at('it is not whole');
  if (head === null && seq > 0) return at('the head of the log is missing');
  // A process killed between the line and its head leaves the head one behind.
  const behind = opening && head !== null && head.seq === seq - 1 && head.hash === before;
  if (head !== null && !behind && (head.seq !== seq || head.hash !== last))
    return at('lines are missing at the end');
  return { seq, last, problem: undefined };
}

function hashOf(body: object, key: string | undefined): string {
  const hash = key === undefined ? createHash('sha256') : createHmac('sha256', key);
  return hash.update(canonical(body)).digest('hex');
}

/** Cuts off a last line without an end: it was never acknowledged. */
function repair(file: string): string {
  const text = readText(file);
  const end = text.lastIndexOf('\n') + 1;
  if (end === text.length) return text;
  const whole = text.slice(0, end);
  const descriptor = openSync(file, 'r+');
  ftruncateSync(descriptor, Buffer.byteLength(whole));
  closeSync(descriptor);
  return whole;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw fail('AUDIT_BROKEN', { file, problem: String((error as Error).message) }, { cause: error });
  }
}

function readHead(file: string): { seq: number; hash: string } | null {
  const match = HEAD.exec(readText(`${file}.head`));
  return match === null ? null : { seq: Number(match[1]), hash: match[2] as string };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
