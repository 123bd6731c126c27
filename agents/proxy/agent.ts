import { defineAgent, type TaskControl, z } from '../../src/index.ts';

const noticeSchema = z.object({
  skill: z.literal('notify'),
  input: z.object({ supi: z.string().min(1), text: z.string().min(1).max(1000), at: z.number().optional() }),
});

/**
 * The user's own agent: the user never talks to the central agent directly. It carries words up and
 * questions, progress and the outcome down; a notice of the network goes to the user's open request.
 */
export default defineAgent(({ ask, subscriber, log }) => {
  /** Open requests of users, by subscriber, with the central agent's task behind each of our tasks. */
  const open = new Map<string, TaskControl>();
  const behind = new Map<string, { taskId: string; contextId: string }>();

  return {
    async perform(request, control) {
      const notice = noticeSchema.safeParse(request.data);
      if (notice.success) {
        const { supi, text } = notice.data.input;
        const user = open.get(supi);
        user?.status(`Notice to the user: ${text}`, { phase: 'notice', text });
        log.info({ supi, delivered: user !== undefined }, 'notice');
        const delivered = user !== undefined;
        control.artifact({ name: 'notify', text, data: { output: { delivered }, actions: [] } });
        return { state: 'completed', text: delivered ? 'Delivered.' : 'No open request of that user.' };
      }
      if (request.text === '')
        return { state: 'rejected', text: 'Say in words what you need of the network.' };

      open.set(subscriber.supi, control);
      try {
        const earlier = behind.get(request.taskId);
        const answer = await ask(
          'central',
          { text: request.text, ...earlier },
          { signal: control.signal, onStatus: (note) => control.status(note.text, note.data) },
        );
        if (answer.state === 'input-required') {
          behind.set(request.taskId, { taskId: answer.taskId, contextId: answer.contextId });
          return { state: 'input-required', text: answer.text, data: answer.statusData };
        }
        behind.delete(request.taskId);
        if (answer.state === 'completed') {
          control.artifact({ name: 'outcome', text: answer.text, data: answer.data });
          return { state: 'completed', text: answer.text };
        }
        return {
          state: answer.state === 'rejected' ? 'rejected' : 'failed',
          text: answer.text,
          data: answer.statusData,
        };
      } finally {
        if (open.get(subscriber.supi) === control) open.delete(subscriber.supi);
      }
    },
  };
});
