import type { z } from 'zod';
import { type ProblemDetails, SbiProblem } from './problem.ts';

/** JSON pointer of TS 29.571 5.2.4.2, with which `param` names a field of a body. */
const pointer = (path: readonly PropertyKey[]) => `/${path.map(String).join('/')}`;

/** What a schema refused, field by field, as `invalidParams`. */
export function invalidParamsOf(
  error: z.ZodError,
  where: 'body' | 'query',
): NonNullable<ProblemDetails['invalidParams']> {
  return error.issues.slice(0, 20).map((issue) => ({
    param: where === 'body' ? pointer(issue.path) : String(issue.path[0] ?? where),
    reason:
      issue.path.length > 1 && where === 'query'
        ? `${pointer(issue.path.slice(1))}: ${issue.message}`
        : issue.message,
  }));
}

/** A 400 that names one field: a JSON pointer into the body, or a query parameter. */
export function invalid(param: string, reason: string, cause = 'MANDATORY_IE_INCORRECT'): SbiProblem {
  return new SbiProblem({
    status: 400,
    cause,
    detail: `${param}: ${reason}`,
    invalidParams: [{ param, reason }],
  });
}

/** Reads a body, or a part of one at `at`, by a schema. @throws SbiProblem 400 with the fields */
export function readBody<S extends z.ZodType>(
  schema: S,
  value: unknown,
  { at = '', cause = 'MANDATORY_IE_INCORRECT' }: { at?: string; cause?: string } = {},
): z.output<S> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const invalidParams = invalidParamsOf(read.error, 'body').map(({ param, reason }) => ({
    param: param === '/' ? at || '/' : `${at}${param}`,
    reason,
  }));
  throw new SbiProblem({
    status: 400,
    cause,
    title: 'The body is not valid',
    detail: invalidParams.map(({ param, reason }) => `${param}: ${reason}`).join('; '),
    invalidParams,
  });
}
