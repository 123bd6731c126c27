import type { z } from 'zod';
import { isExpression } from '../dsl/parts.ts';
import { argumentSchemas, subscriptionSchema } from './arguments.ts';
import { protocolProblem } from './asyncapi-place.ts';
import { policyProblems } from './auth/policies.ts';
import { isMap } from './media.ts';
import { PROTOCOLS, type Protocol } from './types.ts';
import { addressProblem } from './uri.ts';

export interface CallProblem {
  /** Keys below `with`. */
  path: string[];
  problem: string;
}

const isProtocol = (name: string): name is Protocol => (PROTOCOLS as readonly string[]).includes(name);
const standsFor = (value: unknown) => typeof value === 'string' && isExpression(value);

/**
 * What can be seen of a call before it is run: fields that are missing or wrong, protocols that are not carried,
 * grants that need a person. Expressions may stand for anything. Pure; other names than the protocols' have no
 * problems here.
 * @param args `with` of the task, as the document has it
 */
export function checkCall(args: unknown, name: string): CallProblem[] {
  if (!isProtocol(name)) return [];
  const given = args ?? {};
  const schema: z.ZodType = argumentSchemas[name];
  const problems = schemaProblems(schema, given);
  if (!isMap(given)) return problems;
  if (isMap(given.subscription)) {
    problems.push(...schemaProblems(subscriptionSchema, given.subscription, ['subscription']));
    if (given.subscription.foreach !== undefined) {
      problems.push({
        path: ['subscription', 'foreach'],
        problem: 'messages are not handled while they come: let a task of kind for go over the output',
      });
    }
    if (given.protocol === 'http') {
      problems.push({ path: ['subscription'], problem: 'over HTTP a message is published only' });
    }
  }
  if (typeof given.protocol === 'string' && !standsFor(given.protocol)) {
    const problem = protocolProblem(given.protocol);
    if (problem !== null) problems.push({ path: ['protocol'], problem });
  }
  for (const path of ADDRESSES) {
    const found = at(given, path);
    const problem = addressProblem(isMap(found) ? found.uri : found);
    if (problem !== undefined) problems.push({ path: isMap(found) ? [...path, 'uri'] : path, problem });
  }
  problems.push(...authenticationProblems(given, []));
  const body = name === 'http' && given.body !== undefined;
  if (body && /^(get|head)$/i.test(String(given.method))) {
    problems.push({ path: ['body'], problem: `${String(given.method).toUpperCase()} has no body` });
  }
  return problems;
}

/** Where a call has the address of what it calls or reads; `server` of A2A may also be a name. */
const ADDRESSES = [
  ['endpoint'],
  ['document', 'endpoint'],
  ['proto', 'endpoint'],
  ['agentCard', 'endpoint'],
  ['transport', 'http', 'endpoint'],
];

const at = (value: unknown, path: string[]): unknown =>
  path.reduce((one, key) => (isMap(one) ? one[key] : undefined), value);

function schemaProblems(schema: z.ZodType, given: unknown, prefix: string[] = []): CallProblem[] {
  const parsed = schema.safeParse(given);
  if (parsed.success) return [];
  return parsed.error.issues
    .filter((issue) => !excused(issue, given))
    .map(({ path, message }) => ({ path: [...prefix, ...path.map(String)], problem: message }));
}

/** An expression stands where the value is wrong, or above it. */
function excused(issue: z.core.$ZodIssue, given: unknown): boolean {
  let here = given;
  for (const key of issue.path) {
    if (standsFor(here)) return true;
    here = isMap(here) || Array.isArray(here) ? (here as Record<PropertyKey, unknown>)[key] : undefined;
  }
  if (standsFor(here)) return true;
  if (issue.code !== 'invalid_union') return false;
  return issue.errors.some((branch) => branch.length > 0 && branch.every((inner) => excused(inner, here)));
}

/** Everywhere below: a call has its credentials at its endpoint, its service, or itself. */
function authenticationProblems(value: unknown, path: string[]): CallProblem[] {
  if (!isMap(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    // What a document sends is its own.
    if (['body', 'parameters', 'arguments', 'message'].includes(key)) return [];
    const at = [...path, key];
    return key === 'authentication'
      ? policyProblems(inner).map(({ path: below, problem }) => ({ path: [...at, ...below], problem }))
      : authenticationProblems(inner, at);
  });
}
