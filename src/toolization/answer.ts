import type { BundleTool } from './bundle.ts';
import { isNode, type Node } from './json.ts';
import type { Library, Place } from './library.ts';
import type { Operation } from './operations.ts';
import { scoreOf } from './rank.ts';
import { viewOf } from './view.ts';

const MOST_KEPT = 12;
/** Elements of a list, and characters of JSON, that an agent gets. */
const MOST_ITEMS = 50;
const MOST_TEXT = 16_384;

/** What of an answer an agent gets, and its small schema. */
export function answerOf(
  library: Library,
  { answer }: Operation,
): { keep: string[]; list: boolean; names: string[]; schema: Node } {
  let place: Place | undefined = answer.schema;
  let view = place === undefined ? undefined : viewOf(library, place);
  const list = view?.type === 'array';
  if (list && view?.items !== undefined) {
    place = view.items;
    view = viewOf(library, place);
  }
  const scored = [...(view?.properties ?? [])]
    .map(([name, at]) => {
      const inner = viewOf(library, at);
      return {
        name,
        score: scoreOf(['body', name], inner, inner.description) + (view?.required.has(name) ? 6 : 0),
      };
    })
    .sort((a, b) => b.score - a.score);
  const keep = scored.slice(0, MOST_KEPT).map(({ name }) => name);
  const body = view?.type === 'object' || list;
  return {
    keep,
    list,
    names: keep.slice(0, 6),
    schema: {
      type: 'object',
      properties: {
        status: { type: 'integer' },
        location: { type: 'string' },
        ...(body &&
          !list && { result: { type: 'object', ...(keep.length > 0 && { description: keep.join(', ') }) } }),
        ...(list && { items: { type: 'array', ...(keep.length > 0 && { description: keep.join(', ') }) } }),
        omitted: { type: 'array', items: { type: 'string' } },
      },
      required: ['status'],
    },
  };
}

/** The answer in the form of the tool's output; what is left out is named. */
export function compact(
  { keep, list }: BundleTool['answer'],
  reply: { status: number; body: unknown; location: string | null },
): Record<string, unknown> {
  const { status, body, location } = reply;
  const out: Record<string, unknown> = { status, ...(location !== null && { location }) };
  const omitted: string[] = [];
  if (list && Array.isArray(body)) {
    const items = body.slice(0, MOST_ITEMS);
    while (items.length > 0 && JSON.stringify(items).length > MOST_TEXT) items.pop();
    if (items.length < body.length) omitted.push(`${body.length - items.length} more items`);
    return { ...out, items, ...(omitted.length > 0 && { omitted }) };
  }
  if (isNode(body)) {
    const entries = Object.entries(body);
    const order = new Map(keep.map((name, at) => [name, at]));
    entries.sort(([a], [b]) => (order.get(a) ?? 1_000) - (order.get(b) ?? 1_000));
    const result: Node = {};
    let left = MOST_TEXT;
    for (const [name, value] of entries) {
      const size = JSON.stringify(value)?.length ?? 0;
      if (size > left) omitted.push(name);
      else {
        left -= size;
        result[name] = value;
      }
    }
    return { ...out, result, ...(omitted.length > 0 && { omitted }) };
  }
  if (body !== null && body !== undefined && body !== '') {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return { ...out, result: { value: text.slice(0, MOST_TEXT) } };
  }
  return out;
}
