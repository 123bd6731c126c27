import { TOOL_AREAS, toolsOf } from '../../netmcp/index.ts';
import { type Pool, type ToolFacts, type Translation, translateDown } from '../../workflow/index.ts';

/** Translates policies down with the tools that ship and the templates of the pool. */
export function translator({ pool, now }: { pool: Pool; now(): number }): (policy: unknown) => Translation {
  const tools = new Map<string, ToolFacts>(
    TOOL_AREAS.flatMap((area) => toolsOf(area)).map(({ name, meta, idempotent }) => [
      name,
      { effects: meta.effects, idempotent },
    ]),
  );
  return (policy) => translateDown(policy, { now: now(), tool: (name) => tools.get(name), pool });
}
