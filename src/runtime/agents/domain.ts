import type { AgentModule } from './api.ts';
import { CALL_KEY } from './ask.ts';

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
      const { output, actions } = await runWorkflow(skill, input, {
        signal: control.signal,
        ...(typeof parentCall === 'string' ? { parentCall } : {}),
      });
      const text = `${manifest.name}: ${skill} done with ${actions.length} tool call${actions.length === 1 ? '' : 's'}.`;
      control.artifact({ name: skill, text, data: { output, actions } });
      return { state: 'completed', text };
    },
  }),
};
