import { type Is, type Json, KEY, type Notify, Rpc, type Session } from './faults.ts';

interface Published {
  owner: string;
  definition: Json;
}
const CHANGED = 'notifications/tools/list_changed';

/** Life of tools, and toolsets (NetMCP 5 and 8); one that `holds` takes nothing before it is approved. */
export function wrongLife(is: Is, holds: boolean, own: () => Json[], notify: Notify) {
  const published = new Map<string, Published>();

  function valid(tool: Json | null): tool is Json {
    const binding = tool?.binding as { path: string; query?: Json } | undefined;
    if (tool === null || binding === undefined) return false;
    const known = Object.keys((tool.inputSchema as { properties?: Json }).properties ?? {});
    const used = `${binding.path}${Object.values(binding.query ?? {}).join('')}`.matchAll(/\{(\w+)\}/g);
    return (
      /^\w{1,64}$/.test(String(tool.name)) &&
      JSON.stringify(tool).length <= 4_096 &&
      binding.path.startsWith('/') &&
      [...used].every(([, argument]) => known.includes(argument ?? ''))
    );
  }

  const outcome = (name: string, reason = '') => ({
    name,
    taken: !holds,
    state: holds ? 'quarantined' : 'available',
    reason: holds && !is('held-without-reason') ? 'It waits for an approval.' : reason,
    score: null,
    hash: '',
  });

  function register({ tool }: Json, { agent }: Session): Json {
    if (!valid(tool as Json | null) && !is('publishes-anything')) throw new Rpc(-32602, 'Not valid');
    const { name, title, description, inputSchema, meta } = (tool ?? {}) as Json;
    published.set(String(name), {
      owner: agent,
      definition: { name, title, description, inputSchema, _meta: { [KEY]: meta } },
    });
    if (!holds && !is('takes-in-silence')) notify(CHANGED, {});
    return outcome(String(name));
  }

  function update({ tool, name, ...more }: Json, session: Session): Json {
    const known = published.get(String((tool as Json | undefined)?.name ?? name));
    if (known === undefined && !is('updates-the-absent')) throw new Rpc(-32602, 'Nobody published it');
    if (tool === undefined)
      return { ...outcome(String(name)), ...(!is('deprecates-in-vain') && { state: 'deprecated' }) };
    const { definition } = known ?? {};
    const result = register({ tool, ...more }, session);
    if (is('updates-in-vain') && definition !== undefined)
      published.set(String(definition.name), { owner: session.agent, definition });
    return result;
  }

  function remove({ name }: Json, { agent }: Session): Json {
    const one = published.get(String(name));
    if (one === undefined && !is('removes-the-absent')) throw new Rpc(-32602, 'Nobody published it');
    if (one !== undefined && one.owner !== agent && !is('strangers-remove'))
      throw new Rpc(-32012, 'Another one published it');
    if (!is('removed-is-listed')) published.delete(String(name));
    if (!holds) notify(CHANGED, {});
    return { ...outcome(String(name)), taken: false, state: 'withdrawn', reason: 'removed' };
  }

  const categoryOf = (tool: Json) => ((tool._meta as Json)[KEY] as Json).category;
  function toolsets(session: Session, sets: string[]): Json {
    session.sets = sets;
    if (!is('loads-in-silence')) notify(CHANGED, {}, session.id);
    const tools = own();
    return {
      loaded: sets,
      tools: tools.filter((tool) => sets.includes(String(categoryOf(tool)))).map(({ name }) => name),
      available: [{ name: 'data', tools: tools.length }],
    };
  }

  return {
    register,
    update,
    remove,
    load: ({ sets = [] }: { sets?: string[] }, session: Session) =>
      toolsets(session, is('loads-unknown-sets') ? sets : sets.filter((name) => name === 'data')),
    unload: ({ sets = [] }: { sets?: string[] }, session: Session) =>
      toolsets(session, is('unloads-in-vain') ? sets : session.sets.filter((name) => !sets.includes(name))),
    /** What of it tools/list shows. */
    listed: () =>
      (holds ? !is('held-is-listed') : is('taken-not-listed'))
        ? []
        : [...published.values()].map(({ definition }) => definition),
    /** True if it may be called. */
    callable: (name: string) => published.has(name) && (!holds || is('held-is-executed')),
  };
}
