import { z } from 'zod';
import { duration, eventFilter, expression, flow, input, output, resource } from './parts.ts';
import { KINDS, type Kind, type Task, type TaskList, type WorkflowDocument } from './types.ts';

const timeout = z.union([z.strictObject({ after: duration }), z.string().min(1)], {
  error: 'a timeout is { after: DURATION } or the name of one under use.timeouts',
});

/** `taskBase` */
const base = {
  if: expression.optional(),
  input: input.optional(),
  output: output.optional(),
  export: output.optional(),
  timeout: timeout.optional(),
  then: flow.optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
};

const list: z.ZodType<TaskList> = z.lazy(() =>
  z
    .array(
      z
        .record(z.string().min(1), taskSchema)
        .refine((entry) => Object.keys(entry).length === 1, 'an entry of a task list has one name'),
    )
    .min(1, 'a task list has at least one task'),
) as never;

const errorSpec = z.strictObject({
  type: z.string().min(1),
  status: z.union([z.int(), expression]),
  title: z.string().optional(),
  detail: z.string().optional(),
  instance: z.string().optional(),
});
const empty = z.record(z.string(), z.unknown());
const retry = z.strictObject({
  when: expression.optional(),
  exceptWhen: expression.optional(),
  delay: duration.optional(),
  backoff: z
    .union(
      [
        z.strictObject({ constant: empty }),
        z.strictObject({ linear: empty }),
        z.strictObject({ exponential: empty }),
      ],
      { error: 'a backoff is one of constant, linear, exponential' },
    )
    .optional(),
  jitter: z.strictObject({ from: duration, to: duration }).optional(),
  limit: z
    .strictObject({
      attempt: z.strictObject({ count: z.int().min(0).optional(), duration: duration.optional() }).optional(),
      duration: duration.optional(),
    })
    .optional(),
});

const strategy: z.ZodType<unknown> = z.lazy(() =>
  z
    .strictObject({
      all: z.array(eventFilter).min(1).optional(),
      any: z.array(eventFilter).optional(),
      one: eventFilter.optional(),
      until: z.union([z.string(), strategy]).optional(),
    })
    .refine(({ all, any, one }) => [all, any, one].filter((way) => way !== undefined).length === 1, {
      error: 'one of all, any, one',
    })
    .refine(({ any, until }) => until === undefined || any !== undefined, {
      error: 'until goes with any alone',
    })
    .refine(({ until }) => typeof until !== 'object' || (until as { until?: unknown }).until === undefined, {
      error: 'the strategy of an until has no until of its own',
    }),
);
const read = z.enum(['data', 'envelope', 'raw']);
const foreach = z.strictObject({
  item: z.string().min(1).default('item'),
  at: z.string().min(1).default('index'),
  do: list.optional(),
  output: output.optional(),
  export: output.optional(),
});
const processSpec = {
  stdin: z.string().optional(),
  arguments: z.array(z.string(), 'arguments are a list of texts').optional(),
  environment: z.record(z.string(), z.unknown()).optional(),
};

const SCHEMAS: Record<Kind, z.ZodType> = {
  call: z.strictObject({
    ...base,
    call: z.string().min(1),
    with: z.record(z.string(), z.unknown()).optional(),
  }),
  set: z.strictObject({
    ...base,
    set: z.union([expression, z.record(z.string(), z.unknown())], {
      error: 'set takes an object or one expression',
    }),
  }),
  do: z.strictObject({ ...base, do: list }),
  wait: z.strictObject({ ...base, wait: duration }),
  raise: z.strictObject({
    ...base,
    raise: z.strictObject({ error: z.union([z.string().min(1), errorSpec]) }),
  }),
  switch: z.strictObject({
    ...base,
    switch: z
      .array(
        z
          .record(z.string().min(1), z.strictObject({ when: expression.optional(), then: flow }))
          .refine((one) => Object.keys(one).length === 1, 'a case has one name'),
      )
      .min(1)
      .refine(
        (cases) =>
          cases.flatMap((one) => Object.values(one)).filter((one) => one.when === undefined).length < 2,
        {
          error: 'more than one case without when: there is one default at most',
        },
      ),
  }),
  for: z.strictObject({
    ...base,
    for: z.strictObject({
      each: z.string().min(1).default('item'),
      in: z.union([expression, z.array(z.unknown())]),
      at: z.string().min(1).default('index'),
    }),
    while: expression.optional(),
    do: list,
  }),
  fork: z.strictObject({
    ...base,
    fork: z.strictObject({ branches: list, compete: z.boolean().default(false) }),
  }),
  try: z.strictObject({
    ...base,
    try: list,
    catch: z.strictObject({
      errors: z
        .strictObject({
          with: z
            .strictObject({
              type: z.string().optional(),
              status: z.union([z.int(), expression]).optional(),
              instance: z.string().optional(),
              title: z.string().optional(),
              detail: z.string().optional(),
              // The schema of the tag has this name, the main branch the other.
              details: z.string().optional(),
            })
            .optional(),
        })
        .optional(),
      as: z.string().min(1).default('error'),
      when: expression.optional(),
      exceptWhen: expression.optional(),
      retry: z.union([z.string().min(1), retry]).optional(),
      do: list.optional(),
      then: flow.optional(),
    }),
  }),
  emit: z.strictObject({
    ...base,
    emit: z.strictObject({
      event: z.looseObject({ with: z.looseObject({ type: z.string().min(1) }) }),
    }),
  }),
  listen: z.strictObject({
    ...base,
    listen: z.strictObject({ to: strategy, read: read.default('data') }),
    foreach: foreach.optional(),
  }),
  run: z.strictObject({
    ...base,
    run: z
      .strictObject({
        await: z.boolean().default(true),
        return: z.enum(['stdout', 'stderr', 'code', 'all', 'none']).default('stdout'),
        container: z.looseObject({ image: z.string() }).optional(),
        script: z
          .strictObject({
            ...processSpec,
            language: z.string(),
            code: z.string().optional(),
            source: resource.optional(),
          })
          .refine(({ code, source }) => (code === undefined) !== (source === undefined), {
            error: 'one of code, source',
          })
          .optional(),
        shell: z.strictObject({ ...processSpec, command: z.string() }).optional(),
        workflow: z
          .strictObject({
            namespace: z.string(),
            name: z.string(),
            version: z.string().default('latest'),
            input: z.unknown().optional(),
          })
          .optional(),
      })
      .refine(
        (run) =>
          [run.container, run.script, run.shell, run.workflow].filter((one) => one !== undefined).length ===
          1,
        { error: 'one of container, script, shell, workflow' },
      ),
  }),
};

/** One task; its keys say of which kind. */
export const taskSchema = z
  .record(z.string(), z.unknown(), 'a task is an object')
  .transform((task, context): Task => {
    const kind = KINDS.find((key) => Object.hasOwn(task, key));
    if (kind === undefined) {
      context.addIssue({
        code: 'custom',
        message: `a task of no known kind (${Object.keys(task).join(', ') || 'empty'}); known: ${KINDS.join(', ')}`,
      });
      return z.NEVER;
    }
    const parsed = SCHEMAS[kind].safeParse(task);
    if (parsed.success) return parsed.data as Task;
    for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
    return z.NEVER;
  });

const semver = z
  .string()
  .regex(
    /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/,
    'a version is semantic, like 1.0.0',
  );
const label = z
  .string()
  .regex(/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/, 'letters, digits and hyphens, 63 at most');

const named = <T extends z.ZodType>(of: T) => z.record(z.string().min(1), of);

/** A whole document. Keys of the root that the DSL does not know are let through, as its schema does. */
export const documentSchema = z.looseObject({
  document: z.strictObject({
    dsl: semver,
    namespace: label,
    name: label,
    version: semver,
    title: z.string().optional(),
    summary: z.string().optional(),
    tags: z.record(z.string(), z.unknown()).optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
  }),
  input: input.optional(),
  use: z
    .strictObject({
      authentications: named(z.record(z.string(), z.unknown())).optional(),
      errors: named(errorSpec).optional(),
      extensions: z
        .array(
          named(
            z.strictObject({
              extend: z.enum([...KINDS.filter((kind) => kind !== 'do'), 'composite', 'all'] as never),
              when: expression.optional(),
              before: list.optional(),
              after: list.optional(),
            }),
          ),
        )
        .optional(),
      functions: named(taskSchema).optional(),
      retries: named(retry).optional(),
      secrets: z.array(z.string()).optional(),
      timeouts: named(z.strictObject({ after: duration })).optional(),
      catalogs: named(z.strictObject({ endpoint: resource.shape.endpoint })).optional(),
    })
    .optional(),
  do: list,
  timeout: timeout.optional(),
  output: output.optional(),
  schedule: z
    .strictObject({
      every: duration.optional(),
      cron: z.string().optional(),
      after: duration.optional(),
      on: strategy.optional(),
      read: read.optional(),
    })
    .refine(({ on, read: as }) => as === undefined || on !== undefined, { error: 'read goes with on alone' })
    .optional(),
  evaluate: z.strictObject({ language: z.string().optional(), mode: z.string().optional() }).optional(),
}) as unknown as z.ZodType<WorkflowDocument>;
