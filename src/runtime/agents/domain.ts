import { z } from 'zod';
import { NetAgentError } from '../../errors.ts';
import type { AgentModule } from './api.ts';
import { CALL_KEY } from './ask.ts';

const instructionSchema = z.object({
  skill: z.string().min(1).max(100),
  input: z.record(z.string(), z.unknown()),
});

/**
 * What a domain agent without code of its own does: each skill is a workflow template of the same name
 * in its folder, and that workflow calls the domain's tools over NetMCP.
 */
export const domainAgent: AgentModule = {
  create: ({ manifest, runWorkflow }) => ({
    async perform(request, control) {
      const read = instructionSchema.safeParse(request.data);
      const skills = manifest.skills.map(({ id }) => id);
      if (!read.success || !skills.includes(read.data.skill)) {
        return {
          state: 'rejected',
          text: `A data part {skill, input} is needed; ${manifest.name} knows the skills ${skills.join(', ')}.`,
        };
      }
      const { skill, input } = read.data;
      const parentCall = request.metadata[CALL_KEY];
      try {
        const { output, actions } = await runWorkflow(skill, input, {
          signal: control.signal,
          ...(typeof parentCall === 'string' ? { parentCall } : {}),
        });
        const text = `${manifest.name}: ${skill} done with ${actions.length} tool call${actions.length === 1 ? '' : 's'}.`;
        control.artifact({ name: skill, text, data: { output, actions } });
        return { state: 'completed', text };
      } catch (error) {
        if (control.signal.aborted || !(error instanceof NetAgentError)) throw error;
        return { state: 'failed', text: error.message, data: { code: error.code, details: error.details } };
      }
    },
  }),
};
