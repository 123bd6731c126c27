import { isNode, type Node, textOf } from './json.ts';

export interface Repair {
  where: string;
  problem: string;
}

/**
 * Mends what a lost line break does to a description, where it can be told for sure: a folded text ends in
 * the name of the next property (`... granularity.        startTs:`) and the reference of that property
 * stands beside the `items` of an array. TS 29.520 has one (`fineAreaInfos` and `startTs` of
 * QosSustainabilityInfo). Works on the parsed file; returns what it mended.
 */
export function repair(document: Node, text: string): Repair[] {
  if (!/\S {2,}[A-Za-z][\w-]*:[ \t]*$/m.test(text)) return [];
  const done: Repair[] = [];
  const visit = (node: unknown, where: string): void => {
    if (Array.isArray(node)) for (const [at, item] of node.entries()) visit(item, `${where}/${at}`);
    if (!isNode(node)) return;
    const { properties } = node;
    if (isNode(properties)) {
      for (const [name, schema] of Object.entries(properties)) {
        const swallowed = swallowedBy(schema);
        if (swallowed === undefined || Object.hasOwn(properties, swallowed)) continue;
        const { $ref, ...own } = schema as Node;
        const description = textOf(own.description).replace(/\s{2,}[A-Za-z][\w-]*:\s*$/, '');
        properties[name] = { ...own, description };
        properties[swallowed] = { $ref };
        done.push({
          where: `${where}/properties/${name}`,
          problem: `its description swallowed the property ${swallowed}; mended`,
        });
      }
    }
    for (const [key, value] of Object.entries(node)) visit(value, `${where}/${key}`);
  };
  visit(document, '');
  return done;
}

function swallowedBy(schema: unknown): string | undefined {
  if (!isNode(schema) || typeof schema.$ref !== 'string') return undefined;
  if (schema.type === undefined && schema.items === undefined) return undefined;
  return /\S\s{2,}([A-Za-z][\w-]*):\s*$/.exec(textOf(schema.description))?.[1];
}
