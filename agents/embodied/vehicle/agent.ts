import { defineAgent, z } from '../../../src/index.ts';

const requestSchema = z.discriminatedUnion('skill', [
  z.object({ skill: z.literal('plan-trip'), input: z.record(z.string(), z.unknown()) }),
  z.object({ skill: z.literal('report-position'), input: z.object({ supi: z.string().min(1) }) }),
]);

/** What the body answered with a status of 400 to 499: the request cannot be met, whoever asks again. */
const refusal = z
  .object({
    details: z.object({
      status: z.number(),
      problem: z.looseObject({ title: z.string().optional(), detail: z.string().optional() }),
    }),
  })
  .transform(({ details }) => details)
  .catch({ status: 500, problem: {} });

/** The agent of the car: its body books the trip and knows where it is. */
export default defineAgent(({ body }) => ({
  async perform(request, control) {
    const read = requestSchema.safeParse(request.data);
    if (!read.success) {
      return { state: 'rejected', text: 'Known skills are plan-trip and report-position.' };
    }
    if (body === undefined) return { state: 'failed', text: 'This vehicle has no body connected.' };
    const { skill, input } = read.data;
    let output: Record<string, unknown>;
    try {
      output =
        skill === 'plan-trip'
          ? { trip: await body.planTrip(input, control.signal) }
          : { position: await body.position(input.supi, control.signal) };
    } catch (error) {
      const { status, problem } = refusal.parse(error);
      if (status === undefined || status >= 500) throw error;
      return { state: 'rejected', text: problem?.detail ?? problem?.title ?? 'The car cannot do that.' };
    }
    control.artifact({ name: skill, text: `${skill} done.`, data: { output, actions: [] } });
    return { state: 'completed', text: `${skill} done.` };
  },
}));
