/** Which filters match a topic, and which topics a filter. Filters are those of MQTT 5, section 4.7. */

/** Most nodes have either, and there are as many as topics: neither is made before it is needed. */
interface Node<T> {
  below: Map<string, Node<T>> | undefined;
  values: Map<string, T> | undefined;
}

const node = <T>(): Node<T> => ({ below: undefined, values: undefined });

/** Values by filter and owner. */
export class FilterIndex<T> {
  #root = node<T>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  set(filter: string, owner: string, value: T): void {
    let at = this.#root;
    for (const level of filter.split('/')) {
      let next = at.below?.get(level);
      if (next === undefined) {
        next = node();
        at.below ??= new Map();
        at.below.set(level, next);
      }
      at = next;
    }
    at.values ??= new Map();
    if (!at.values.has(owner)) this.#size += 1;
    at.values.set(owner, value);
  }

  delete(filter: string, owner: string): void {
    const path: Array<{ parent: Node<T>; level: string; child: Node<T> }> = [];
    let at = this.#root;
    for (const level of filter.split('/')) {
      const child = at.below?.get(level);
      if (child === undefined) return;
      path.push({ parent: at, level, child });
      at = child;
    }
    if (at.values?.delete(owner)) this.#size -= 1;
    for (const { parent, level, child } of path.reverse()) {
      if (child.values?.size || child.below?.size) return;
      parent.below?.delete(level);
    }
  }

  /** Values of all filters that match, those with `#` first. */
  match(topic: string): T[] {
    const found: T[] = [];
    collect(this.#root, topic.split('/'), 0, found);
    return found;
  }
}

function collect<T>(at: Node<T>, levels: string[], depth: number, found: T[]): void {
  // MQTT 4.7.1.2: `#` stands for the level above it too.
  const rest = at.below?.get('#')?.values;
  if (rest !== undefined) found.push(...rest.values());
  if (depth === levels.length) {
    if (at.values !== undefined) found.push(...at.values.values());
    return;
  }
  const one = at.below?.get('+');
  if (one !== undefined) collect(one, levels, depth + 1, found);
  const exact = at.below?.get(levels[depth] as string);
  if (exact !== undefined) collect(exact, levels, depth + 1, found);
}

export function filterMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true;
    if (at >= levels.length) return false;
    if (level !== '+' && level !== levels[at]) return false;
  }
  return wanted.length === levels.length;
}
