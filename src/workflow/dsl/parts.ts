import { z } from 'zod';

/** Parts that several tasks share. */

export const isExpression = (text: string): boolean => /^\s*\$\{[\s\S]*\}\s*$/.test(text);

/** A field that is an expression by its type: with or without `${ }`. */
export const expression = z.string().min(1, 'an empty expression');
export const flow = z.string().min(1);
export const transform = z.union([z.string(), z.record(z.string(), z.unknown())], {
  error: 'an expression, or an object with expressions inside',
});

const ISO =
  /^P(?!$)(\d+(?:\.\d+)?Y)?(\d+(?:\.\d+)?M)?(\d+(?:\.\d+)?W)?(\d+(?:\.\d+)?D)?(T(?=\d)(\d+(?:\.\d+)?H)?(\d+(?:\.\d+)?M)?(\d+(?:\.\d+)?S)?)?$/;
export const isIsoDuration = (text: string): boolean => ISO.test(text);

const amount = z.number().min(0);
export const duration = z.union(
  [
    z.string().refine((text) => isExpression(text) || isIsoDuration(text)),
    z
      .strictObject({
        days: amount.optional(),
        hours: amount.optional(),
        minutes: amount.optional(),
        seconds: amount.optional(),
        milliseconds: amount.optional(),
      })
      .refine((one) => Object.keys(one).length > 0),
  ],
  { error: 'a duration is ISO 8601 text (PT30S), an object of days to milliseconds, or an expression' },
);

export const endpoint = z.union(
  [z.string().min(1), z.strictObject({ uri: z.string().min(1), authentication: z.unknown().optional() })],
  { error: 'an endpoint is a URI, an expression, or { uri, authentication }' },
);
export const resource = z.strictObject({ name: z.string().optional(), endpoint });

const schema = z
  .strictObject({
    format: z.string().optional(),
    document: z.unknown().optional(),
    resource: resource.optional(),
  })
  .refine((one) => (one.document === undefined) !== (one.resource === undefined), {
    error: 'one of document, resource',
  });

export const input = z.strictObject({ schema: schema.optional(), from: transform.optional() });
/** `output` and `export` */
export const output = z.strictObject({ schema: schema.optional(), as: transform.optional() });

export const eventFilter = z.strictObject({
  with: z
    .record(z.string(), z.unknown())
    .refine((one) => Object.keys(one).length > 0, 'a filter has at least one attribute'),
  correlate: z
    .record(z.string(), z.strictObject({ from: expression, expect: z.string().optional() }))
    .optional(),
});
