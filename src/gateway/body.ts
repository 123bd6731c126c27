import type { IncomingMessage } from 'node:http';
import express, { type RequestHandler } from 'express';
import { isTooDeep } from './limits.ts';
import { NOT_UTF8, TOO_DEEP } from './refusal.ts';

/** Reads JSON within the limits: its nesting is counted in the bytes, before anything recurses into it. */
export function jsonReader(limits: {
  bytes: number;
  depth: number;
  types: string[];
  /** Takes objects and lists only, and refuses the rest as no JSON. */
  strict?: boolean;
}): RequestHandler {
  return express.json({
    limit: limits.bytes,
    type: limits.types,
    strict: limits.strict ?? false,
    verify(_request: IncomingMessage, _response, body: Buffer, encoding: string) {
      // In UTF-16 and UTF-32 a byte is no character.
      if (encoding !== 'utf-8') throw Object.assign(new Error('not UTF-8'), { type: NOT_UTF8 });
      if (isTooDeep(body, limits.depth)) throw Object.assign(new Error('too deep'), { type: TOO_DEEP });
    },
  });
}
