import { fail } from '../../src/errors.ts';
import type {
  ApprovalView,
  OperatedWorkflows,
  RunRequest,
  TemplateView,
  WorkflowEventView,
  WorkflowInstanceDetail,
} from '../../src/gateway/index.ts';
import { checkWorkflow, parseWorkflow } from '../../src/workflow/index.ts';

export const T0 = Date.parse('2026-11-24T09:00:00Z');
/** With every character that an id of an instance has. */
export const ID = 'trigger/alarm@ran:cell~1';
export const HASH = 'a'.repeat(64);

const template = (id: string, more: Partial<TemplateView> = {}): TemplateView => ({
  id,
  name: id.split('/')[1] as string,
  version: '1.0.0',
  versions: ['1.0.0'],
  title: `About ${id}`,
  summary: 'Says what it does.',
  domain: id.split('/')[0] as string,
  category: 'atomic-capability',
  effects: 'reads',
  blast: {},
  undo: '',
  input: null,
  problems: [],
  ...more,
});

const TEMPLATES = [
  template('core/locate', {
    versions: ['1.1.0', '1.0.0'],
    version: '1.1.0',
    input: {
      type: 'object',
      required: ['supi'],
      properties: {
        supi: { type: 'string', pattern: '^imsi-[0-9]{5,15}$', description: 'Subscriber' },
        most: { type: 'integer', default: 10, minimum: 1, description: 'At the most' },
        route: {
          type: 'array',
          items: { type: 'object', required: ['lat'], properties: { lat: { type: 'number' } } },
        },
      },
    },
  }),
  template('ran/balance-load', {
    effects: 'changes',
    blast: { cells: 'serving and standby' },
    undo: 'moves back',
    problems: [{ line: 7, pointer: '/do/0/x', problem: 'no function x is here', severity: 'error' }],
  }),
];

/** Workflows that are only told: what is asked of them is written down, what happens is said by the test. */
export class FakeWorkflows implements OperatedWorkflows {
  readonly asked: unknown[] = [];
  readonly runs = new Map<string, WorkflowInstanceDetail>();
  waiting: ApprovalView[] = [
    {
      id: 'plan/1',
      instance: ID,
      title: 'Move 3 users',
      plan: { moves: 3 },
      hash: HASH,
      requestedAt: T0,
      expiresAt: T0 + 600_000,
    },
  ];
  /** Says what a new run does. */
  onRun: (id: string) => void = () => {};
  readonly #listeners = new Map<string, Set<(event: WorkflowEventView) => void>>();

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Puts an instance there. */
  add(id: string, more: Partial<WorkflowInstanceDetail> = {}): WorkflowInstanceDetail {
    const made: WorkflowInstanceDetail = {
      id,
      workflow: 'core/locate',
      version: '1.1.0',
      status: 'running',
      startedAt: T0,
      updatedAt: T0,
      endedAt: null,
      run: 0,
      labels: { trigger: 'alarm' },
      active: ['/do/0/locate'],
      steps: [{ rev: 1, at: T0, entered: ['/do/0/locate'] }],
      events: [],
      ...more,
    };
    this.runs.set(id, made);
    return made;
  }

  /** Something happens to an instance. */
  tell(id: string, type: string, more: Partial<WorkflowEventView> = {}): void {
    const instance = this.runs.get(id) as WorkflowInstanceDetail;
    const event = {
      at: T0 + instance.events.length,
      type,
      instance: id,
      workflow: instance.workflow,
      ...more,
    };
    instance.events.push(event);
    for (const listener of this.#listeners.get(id) ?? []) listener(event);
  }

  end(
    id: string,
    more: Partial<WorkflowInstanceDetail> & { status: 'completed' | 'faulted' | 'cancelled' },
  ): void {
    Object.assign(this.runs.get(id) as object, { endedAt: T0 + 1_500, active: [], ...more });
    this.tell(id, `workflow.${more.status}`);
  }

  now = () => T0 + 60_000;
  templates = () => TEMPLATES;
  template(name: string, version?: string) {
    const found = TEMPLATES.find((one) => one.id === name || one.name === name);
    if (found === undefined || (version !== undefined && !found.versions.includes(version)))
      throw fail('WORKFLOW_NOT_FOUND', { agent: 'pool', name });
    return { ...found, document: { do: [] } };
  }
  match(task: Parameters<OperatedWorkflows['match']>[0]) {
    this.asked.push({ match: task });
    if (!task.text.includes('where')) return [];
    return [
      { id: 'core/locate', version: '1.1.0', score: 0.71, reason: 'It is about "where".', missing: ['supi'] },
    ];
  }
  translate(policy: unknown): ReturnType<OperatedWorkflows['translate']> {
    this.asked.push({ translate: policy });
    if ((policy as { goal?: string }).goal === undefined)
      return { kind: 'refused', reasons: ['it has no goal'] };
    return { kind: 'workflow', reasons: ['one measure fits'], document: { do: [] }, input: { a: 1 } };
  }
  check = (source: string) => [
    ...checkWorkflow(source).problems,
    {
      line: 9,
      pointer: '/do/0/look/call',
      problem: 'no function look:1.0.0@default is here',
      severity: 'error' as const,
    },
  ];
  async run(request: RunRequest) {
    this.asked.push({ run: request });
    if (request.source !== undefined) parseWorkflow(request.source);
    else this.template(request.workflow as string, request.version);
    if (request.input === null)
      throw fail('WORKFLOW_INPUT_INVALID', { name: 'locate', problem: 'supi is missing' });
    const id = request.id ?? 'run-1';
    if (request.dryRun !== true && !this.runs.has(id)) {
      this.add(id);
      this.tell(id, 'workflow.started');
      this.onRun(id);
    }
    return { id, dryRun: request.dryRun === true };
  }
  instances(filter: { status?: string; workflow?: string; limit?: number }) {
    this.asked.push({ instances: filter });
    return [...this.runs.values()]
      .filter(({ status }) => (filter.status ?? status) === status)
      .slice(0, filter.limit);
  }
  instance = (id: string) => this.runs.get(id);
  follow(id: string, listener: (event: WorkflowEventView) => void) {
    const listening = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listening.add(listener));
    return () => void listening.delete(listener);
  }
  async act(id: string, verb: string, from?: string) {
    this.asked.push({ act: verb, id, ...(from === undefined ? {} : { from }) });
    const instance = this.runs.get(id);
    if (instance === undefined) throw fail('WORKFLOW_INSTANCE_UNKNOWN', { id });
    if (instance.endedAt !== null && verb !== 'restart')
      throw fail('WORKFLOW_INSTANCE_STATE', { id, problem: `it is ${instance.status}` });
    if (verb === 'pause') instance.status = 'suspended';
  }
  purge(what: { id: string } | { endedBefore: number }) {
    this.asked.push({ purge: what });
    return 'id' in what && this.runs.delete(what.id) ? 1 : 0;
  }
  approvals = () => this.waiting;
  decide(id: string, verdict: string, hash: string) {
    const at = this.waiting.findIndex((one) => one.id === id && one.hash === hash);
    if (at < 0) throw fail('WORKFLOW_APPROVAL_UNKNOWN', { id });
    this.asked.push({ decide: verdict, id });
    this.waiting.splice(at, 1);
  }
  async publish(event: unknown) {
    if ((event as { type?: string }).type === undefined)
      throw fail('WORKFLOW_EVENT_INVALID', { problem: 'type: is missing' });
    this.asked.push({ publish: event });
  }
  triggers = () => [
    {
      id: 'cell-alarm',
      on: 'alarm of a cell',
      workflow: 'ran/balance-load',
      running: 1,
      starts: 4,
      lastAt: T0,
    },
    { id: 'nightly', on: 'cron 0 3 * * *', workflow: 'core/locate', running: 0, starts: 0, lastAt: null },
  ];
}
