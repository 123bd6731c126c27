import type { Clock } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { OperatedWorkflows, TemplateView } from '../../gateway/index.ts';
import {
  type Category,
  type CompiledWorkflow,
  checkWorkflow,
  compileWorkflow,
  type EventBus,
  type InstanceStatus,
  type Pool,
  parseEvent,
  phraseOf,
  type RunPolicy,
  readTemplate,
  type Template,
  type Translation,
  type Triggers,
  translateUp,
  type WorkflowEngine,
} from '../../workflow/index.ts';
import type { openApprovals } from './approvals.ts';
import type { openExecutionContexts } from './execution-context.ts';
import type { Story } from './story.ts';

/** What an operator and the gateway see and do. */
export function operatedWorkflows(parts: {
  /** Wall time: what is purged by age. */
  clock: Clock;
  lastStarts: ReadonlyMap<string, number>;
  engine: WorkflowEngine;
  pool: Pool;
  policy: RunPolicy;
  story: Story;
  approvals: ReturnType<typeof openApprovals>;
  contexts: ReturnType<typeof openExecutionContexts>;
  events: EventBus;
  triggers: Pick<Triggers, 'list'>;
  translate(policy: unknown): Translation;
}): OperatedWorkflows {
  const { engine, pool, story, approvals } = parts;
  const found = (name: string, version?: string): Template => {
    const template = pool.get(name, version);
    if (template === undefined) throw fail('WORKFLOW_NOT_FOUND', { name, agent: 'pool' });
    return template;
  };
  const viewOf = (template: Template): TemplateView => {
    const { id, name, version, title, summary, domain, category, effects, blast, undo, input } = template;
    return {
      id,
      name,
      version,
      versions: pool.versions(id).map((one) => one.version),
      title,
      summary,
      domain,
      category,
      effects,
      blast,
      undo,
      input,
      problems: engine.check(template.workflow),
    };
  };
  const workflowOf = ({
    workflow,
    version,
    source,
  }: Parameters<OperatedWorkflows['run']>[0]): CompiledWorkflow =>
    source === undefined
      ? found(workflow ?? '', version).workflow
      : compileWorkflow(source, 'the document', parts.policy);
  const templateOf = ({ workflow, version, source }: Parameters<OperatedWorkflows['run']>[0]) => {
    if (source === undefined) return found(workflow ?? '', version);
    const read = readTemplate(source, 'the document');
    return 'template' in read ? read.template : undefined;
  };
  /** Wrong input is refused before there is an instance. */
  const checkInput = (request: Parameters<OperatedWorkflows['run']>[0]) => {
    const template = templateOf(request);
    if (template === undefined) return;
    const { missing, invalid } = pool.missing(template, (request.input ?? {}) as Record<string, unknown>);
    const problems = [
      ...missing.map(({ name, or }) => `${[name, ...or].join(' or ')} is missing`),
      ...invalid.map(({ name, problem }) => `${name} ${problem}`),
    ];
    if (problems.length > 0) {
      throw fail('WORKFLOW_INPUT_INVALID', { name: template.id, problem: problems.join('; ') });
    }
  };

  return {
    now: () => parts.clock.now(),
    templates: () => pool.list().map(viewOf),
    template(name, version) {
      const template = found(name, version);
      return { ...viewOf(template), document: template.workflow.document };
    },
    match: ({ text, domain, category, effects, known = {} }) =>
      pool
        .match({
          text,
          ...(domain === undefined ? {} : { domain }),
          ...(category === undefined ? {} : { category: category as Category }),
          ...(effects === undefined ? {} : { effects }),
        })
        .map(({ template, score, reason }) => ({
          id: template.id,
          version: template.version,
          score,
          reason,
          missing: pool.missing(template, known).missing.map(({ name }) => name),
        })),
    translate: (policy) => parts.translate(policy),
    async check(source) {
      const { document, problems, lineOf } = checkWorkflow(source, parts.policy);
      const errors = problems.some(({ severity }) => severity === 'error');
      if (document === undefined || errors) return problems;
      const found = await engine.examine(compileWorkflow(source, 'the document', parts.policy));
      return [...problems, ...found.map((one) => ({ ...one, line: lineOf(one.pointer) }))];
    },
    async run(request) {
      const workflow = workflowOf(request);
      checkInput(request);
      const found = await engine.examine(workflow);
      const first = found.find(({ severity }) => severity === 'error');
      if (first !== undefined) {
        throw fail('WORKFLOW_INVALID', { file: workflow.id, where: first.pointer, problem: first.problem });
      }
      if (request.dryRun === true) return { id: '', dryRun: true };
      const id = await engine.start(workflow, request.input ?? {}, {
        ...(request.id === undefined ? {} : { id: request.id }),
        labels: { by: 'operator' },
      });
      return { id, dryRun: false };
    },
    instances: ({ status, workflow, limit }) =>
      engine.list({
        ...(status === undefined ? {} : { status: status as InstanceStatus }),
        ...(workflow === undefined ? {} : { workflow }),
        ...(limit === undefined ? {} : { limit }),
      }),
    instance(id) {
      const view = engine.show(id);
      if (view === undefined) return undefined;
      const events = story.of(id);
      const document = engine.document(id);
      const insight =
        view.endedAt === null || document === undefined
          ? undefined
          : translateUp({
              id,
              document,
              events,
              output: view.output,
              fault: view.fault ?? null,
              cancelled: view.status === 'cancelled',
            });
      return {
        ...view,
        steps: engine.steps(id),
        events,
        ...(insight === undefined ? {} : { insight: { ...insight, text: phraseOf(insight) } }),
      };
    },
    follow: (id, listener) => story.follow(id, listener),
    async act(id, verb, from) {
      if (verb !== 'restart') return engine[verb](id);
      const before = approvals.of(id);
      await engine.restart(id, from);
      // Those of the run before: nobody asks for them any more.
      for (const one of before) approvals.forget(one);
    },
    purge(what) {
      // One that runs is refused, and keeps its context.
      const gone = engine.purge(what);
      void parts.contexts.sweep((id) => engine.show(id) !== undefined);
      return gone;
    },
    approvals: () => approvals.list(),
    decide: (id, verdict, hash) => approvals.decide(id, verdict, hash),
    publish: (event) => parts.events.publish(parseEvent(event)),
    triggers: () =>
      parts.triggers.list().map(({ trigger, running, started }) => ({
        id: trigger.id,
        on: trigger.on,
        workflow: trigger.workflow,
        running: running.length,
        starts: started,
        lastAt: parts.lastStarts.get(trigger.id) ?? null,
      })),
  };
}
