import { childId, defineAgent, type TaskControl, z } from '../../src/index.ts';

const noticeSchema = z.object({
  skill: z.literal('notify'),
  input: z.object({ supi: z.string().min(1), text: z.string().min(1).max(1000), at: z.number().optional() }),
});

/**
 * The user's own agent: the user never talks to the central agent directly. It carries words up and
 * questions, progress and the outcome down; a notice of the network goes to the user's open request.
 */
export default defineAgent(({ ask, subscriber, log }) => {
  /** Open requests of users, by subscriber. */
  const open = new Map<string, TaskControl>();

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
        // The same task and words give the same ids: asked again after a restart, the central agent's task
        // goes on instead of beginning a second time.
        const turn = `${request.history.length} ${request.text}`;
        const answer = await ask(
          'central',
          {
            text: request.text,
            taskId: childId(request.taskId, 'central'),
            messageId: childId(request.taskId, turn),
          },
          { signal: control.signal, onStatus: (note) => control.status(note.text, note.data) },
        );
        if (answer.state === 'input-required') {
          return { state: 'input-required', text: answer.text, data: answer.statusData };
        }
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
