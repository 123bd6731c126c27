export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Node = Record<string, unknown>;

/** Names that would reach into the prototype of an object. */
export const POISON: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own member; undefined for everything else. */
export function member(value: unknown, key: string): unknown {
  return isNode(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
export const wordsOf = (value: unknown): string[] =>
  listOf(value).filter((item): item is string => typeof item === 'string');
