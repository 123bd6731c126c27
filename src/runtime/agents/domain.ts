import type { AgentModule, RunProgress } from './api.ts';
import { CALL_KEY } from './ask.ts';
import { childId } from './child-id.ts';
import { EXCEPTION_KEY, STEP_KEY } from './delegated.ts';

/**
 * What a domain agent without code of its own does: each skill is a workflow template of the same name
 * in its folder, and that workflow calls the domain's tools over NetMCP.
 */
export const domainAgent: AgentModule = {
  create: ({ manifest, runWorkflow }) => ({
    name: manifest.name,
    skills: manifest.skills.map(({ id }) => id),
    async runSkill({ skill, input }, request, control) {
      const parentCall = request.metadata[CALL_KEY];
      const step = request.metadata[STEP_KEY];
      const { output, actions, insight } = await runWorkflow(skill, input, {
        signal: control.signal,
        // Of the caller: nobody else can name its steps.
        ...(typeof step === 'string' && step !== '' ? { step: childId(request.caller, step) } : {}),
        onProgress: (event) => report(event, control),
        ...(typeof parentCall === 'string' ? { parentCall } : {}),
      });
      const text = `${manifest.name}: ${skill} done with ${actions.length} tool call${actions.length === 1 ? '' : 's'}.`;
      control.artifact({ name: skill, text, data: { output, actions, insight } });
      return { state: 'completed', text };
    },
  }),
};

/** Steps of a skill after its first, and what its own agents report, go to whoever asked for it. */
function report(event: RunProgress, control: { status(text: string, data?: unknown): void }): void {
  const { type, pointer, text, data, agent } = event;
  const place = /^\/do\/(\d+)\/[^/]+$/.exec(pointer)?.[1];
  if (type === 'task.started' && place !== undefined && place !== '0') control.status(text, { pointer });
  else if (type === 'task.progress') control.status(text, { pointer, agent, inner: data });
  else if (type === 'task.exception') control.status(text, { pointer, agent, [EXCEPTION_KEY]: text });
  else if (type === 'task.faulted') control.status(`${text} failed.`, { pointer, [EXCEPTION_KEY]: text });
}
