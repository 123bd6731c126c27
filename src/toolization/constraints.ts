import type { Field, Flat } from './flatten.ts';
import { isShown } from './flatten.ts';

export interface Constraint {
  rule: string;
  message: string;
}

const MOST = 16;
const under = (at: readonly string[], field: Field) => at.every((name, n) => field.at[n] === name);
const given = (field: Field) => `has(args.${field.name})`;
const any = (fields: readonly Field[]) =>
  fields.length === 1 ? given(fields[0] as Field) : `(${fields.map(given).join(' || ')})`;
const named = (fields: readonly Field[]) => fields.map(({ name }) => name).join(' or ');

/** Rules between the parameters of a tool, as CEL, out of what its description says (NetMCP 2). */
export function constraintsOf(flat: Flat): Constraint[] {
  const shown = flat.fields.filter(isShown);
  const found = [
    ...groupRules(flat, shown),
    ...emptyObjects(flat, shown),
    ...wholeObjects(shown),
    ...orders(shown),
  ];
  const unique = new Map(
    found
      .filter(({ rule }) => rule.length <= 500)
      .map((one) => [one.rule, { rule: one.rule, message: one.message.slice(0, 200) }]),
  );
  return [...unique.values()].slice(0, MOST);
}

function groupRules({ groups, fields }: Flat, shown: readonly Field[]): Constraint[] {
  return groups.flatMap(({ at, requiredFrom, group }): Constraint[] => {
    const inside = shown.filter((field) => under(at, field));
    /** Fields that make a property present; null where the tool cannot give it; true where it always does. */
    const of = (name: string): Field[] | null => {
      const found = inside.filter((field) => under([...at, name], field));
      return found.length > 0 ? found : null;
    };
    const alwaysThere = (name: string) =>
      fields.some((field) => under([...at, name], field) && (!isShown(field) || field.requiredFrom === 0));
    const sets = group.sets.map((names) => names.filter((name) => !alwaysThere(name)).map(of));
    const usable = sets.filter((set): set is Field[][] => set.every((one) => one !== null));
    const text = usable.map((set) => set.map(named).join(' with ')).join(' or ');
    const whole = (set: Field[][]) => (set.length === 0 ? 'true' : `(${set.map(any).join(' && ')})`);
    let rule: string;
    let message: string;
    if (group.kind === 'not') {
      if (usable.length === 0 || usable[0]?.length === 0) return [];
      rule = `!${whole(usable[0] as Field[][])}`;
      message = `not together: ${(usable[0] ?? []).map(named).join(', ')}`;
    } else if (group.kind === 'with') {
      const [first, ...rest] = sets[0] ?? [];
      if (first == null) return [];
      const missing = rest.some((one) => one === null);
      if (rest.length === 0) return [];
      rule = missing ? `!${any(first)}` : `!${any(first)} || ${whole(rest as Field[][])}`;
      message = missing
        ? `${named(first)} needs what this tool does not offer`
        : `${named(first)} needs ${(rest as Field[][]).map(named).join(' and ')}`;
    } else {
      if (usable.length === 0 || usable.some((set) => set.length === 0)) return [];
      rule =
        group.kind === 'some'
          ? usable.map(whole).join(' || ')
          : `${usable.map((set) => `(${whole(set)} ? 1 : 0)`).join(' + ')} == 1`;
      message = `${group.kind === 'some' ? 'at least one' : 'exactly one'} of: ${text}`;
      if (usable.length === 1 && group.kind === 'one') rule = whole(usable[0] as Field[][]);
    }
    if (requiredFrom > 0 && group.kind !== 'not' && group.kind !== 'with') {
      if (inside.length === 0) return [];
      rule = `!${any(inside)} || ${rule.includes('||') && !rule.includes('==') ? `(${rule})` : rule}`;
    }
    return [{ rule, message }];
  });
}

/** A required object without required parts still needs one of them, where none is filled by us. */
function emptyObjects({ containers, fields, groups }: Flat, shown: readonly Field[]): Constraint[] {
  return containers.flatMap((at) => {
    if (at.length < 2) return [];
    const inside = fields.filter((field) => under(at, field));
    if (
      inside.some((field) => field.requiredFrom === 0) ||
      groups.some((one) => one.at.join('/') === at.join('/'))
    )
      return [];
    const choice = shown.filter((field) => under(at, field));
    if (choice.length === 0) return [];
    return [
      {
        rule: choice.map(given).join(' || '),
        message: `at least one of: ${choice.map(({ name }) => name).join(', ')}`,
      },
    ];
  });
}

/** An optional object that is begun must be whole. */
function wholeObjects(shown: readonly Field[]): Constraint[] {
  const optional = new Map<string, string[]>();
  for (const field of shown) {
    for (let length = 2; length < field.at.length; length += 1) {
      const at = field.at.slice(0, length);
      optional.set(at.join('\u0000'), at);
    }
  }
  return [...optional.values()].flatMap((at) => {
    const inside = shown.filter((field) => under(at, field));
    const needed = inside.filter((field) => field.requiredFrom > 0 && field.requiredFrom <= at.length);
    // Of an object that is required anyway nothing has to be said.
    const own = needed.filter((field) => field.requiredFrom === at.length);
    if (own.length === 0 || inside.length < 2) return [];
    const rule = `!${any(inside)} || (${own.map(given).join(' && ')})`;
    return [
      {
        rule,
        message: `${own.map(({ name }) => name).join(', ')} must be given with the others of ${at.slice(1).join('_')}`,
      },
    ];
  });
}

const BEGIN = /^(start|from|begin)|(Start|From|Begin)/;
const BEGINNING = /start|from|begin/i;

/** A time window, or a range of numbers, begins before it ends. */
function orders(shown: readonly Field[]): Constraint[] {
  return shown.flatMap((first) => {
    const name = first.at.at(-1) ?? '';
    if (!BEGIN.test(name)) return [];
    const ends = ['stop', 'end', 'to', 'until'].map((word) => name.replace(BEGINNING, word).toLowerCase());
    const last = shown.find(
      (field) =>
        field !== first &&
        field.at.length === first.at.length &&
        field.at.slice(0, -1).every((part, n) => part === first.at[n]) &&
        ends.includes((field.at.at(-1) ?? '').toLowerCase()),
    );
    if (last === undefined || last.schema.type !== first.schema.type) return [];
    const instant = first.schema.format === 'date-time' && last.schema.format === 'date-time';
    const number = first.schema.type === 'integer' || first.schema.type === 'number';
    if (!instant && !number) return [];
    const of = (field: Field) => (instant ? `timestamp(args.${field.name})` : `args.${field.name}`);
    const missing = [first, last]
      .filter((field) => field.requiredFrom > 0)
      .map((field) => `!${given(field)} || `);
    return [
      {
        rule: `${missing.join('')}${of(first)} <= ${of(last)}`,
        message: `${first.name} must not be after ${last.name}`,
      },
    ];
  });
}
