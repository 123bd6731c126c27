import { z } from 'zod';
import { problem, readBody, type SbiServer } from '../../sbi/index.ts';
import { mergePatch } from './app-session.ts';

/** One subscription of an application: as it came, as it was read, and what was made of it inside. */
export interface Entry<T, I> {
  raw: Record<string, unknown>;
  read: T;
  inside: I;
  self: string;
}

export interface Collection<T, I> {
  get(id: string): Entry<T, I> | undefined;
  entries(): Array<[id: string, entry: Entry<T, I>]>;
  remove(id: string): boolean;
  size(): number;
}

/**
 * The resource form of TS 29.122 and 29.522: `/{owner}/subscriptions` with POST and GET, and its members
 * with GET, PUT, PATCH and DELETE. What one application made, no other sees.
 */
export function addCollection<S extends z.ZodType, I>(
  server: SbiServer,
  root: string,
  options: {
    prefix: string;
    schema: S;
    create(id: string, read: z.output<S>): Promise<I>;
    change(id: string, entry: Entry<z.output<S>, I>, read: z.output<S>): Promise<I>;
    end(id: string, entry: Entry<z.output<S>, I>): Promise<void>;
    created?(id: string, entry: Entry<z.output<S>, I>): void;
  },
): Collection<z.output<S>, I> {
  type E = Entry<z.output<S>, I>;
  const { schema } = options;
  const all = new Map<string, E & { owner: string }>();
  let serial = 0;
  const any = z.record(z.string(), z.unknown());
  const ONE = `${root}/{owner}/subscriptions/{id}`;
  const known = ({ owner, id }: Record<string, string>) => {
    const found = all.get(id ?? '');
    if (found === undefined || found.owner !== owner) {
      throw problem(404, 'RESOURCE_NOT_FOUND', `${owner} has no subscription ${id}`);
    }
    return found;
  };
  const bodyOf = ({ raw, self }: E) => ({ ...raw, self });

  server.route('POST', `${root}/{owner}/subscriptions`, { body: any }, async ({ params, body: raw }) => {
    const read = readBody(schema, raw);
    const id = `${options.prefix}-${++serial}`;
    const self = `${server.url}${root}/${encodeURIComponent(params.owner ?? '')}/subscriptions/${id}`;
    const inside = await options.create(id, read);
    const entry = { raw, read, inside, self, owner: params.owner ?? '' };
    all.set(id, entry);
    options.created?.(id, entry);
    return { status: 201, body: bodyOf(entry), headers: { location: self } };
  });
  server.route('GET', `${root}/{owner}/subscriptions`, {}, ({ params }) => ({
    status: 200,
    body: [...all.values()].filter(({ owner }) => owner === params.owner).map(bodyOf),
  }));
  server.route('GET', ONE, {}, ({ params }) => ({ status: 200, body: bodyOf(known(params)) }));
  async function replace(params: Record<string, string>, raw: Record<string, unknown>) {
    const entry = known(params);
    const read = readBody(schema, raw);
    entry.inside = await options.change(params.id ?? '', entry, read);
    entry.raw = raw;
    entry.read = read;
    return { status: 200, body: bodyOf(entry) };
  }
  server.route('PUT', ONE, { body: any }, ({ params, body }) => replace(params, body));
  const consumes = ['application/merge-patch+json'];
  server.route('PATCH', ONE, { body: any, consumes }, ({ params, body }) =>
    replace(params, mergePatch(known(params).raw, body) as Record<string, unknown>),
  );
  server.route('DELETE', ONE, {}, async ({ params }) => {
    const entry = known(params);
    await options.end(params.id ?? '', entry);
    all.delete(params.id ?? '');
    return { status: 204 };
  });
  return {
    get: (id) => all.get(id),
    entries: () => [...all],
    remove: (id) => all.delete(id),
    size: () => all.size,
  };
}
