import { Engine } from 'bpmn-engine';
import type { Store } from '../../../src/durable/index.ts';

/** The work of one step: the same for every subject. */
export const step = async ({ n }: { n: number }) => ({ n: n + 1 });

/** What a programmer would write without an engine; with a store, what has been done is put down after each step. */
export function byHand(steps: number, store?: Store) {
  const saved = store?.collection<{ at: number; data: { n: number } }>('by-hand');
  let count = 0;
  return async () => {
    count += 1;
    const id = `hand-${count}`;
    let data = { n: 0 };
    for (let at = 0; at < steps; at += 1) {
      data = await step(data);
      saved?.put(id, { at, data });
    }
    saved?.delete(id);
    if (data.n !== steps) throw new Error(`by hand: ${data.n}`);
  };
}

/** The same steps as a BPMN process of service tasks; with a store, the state is put down after each step. */
export async function byBpmn(steps: number, store?: Store) {
  // The document is read once, as ours is.
  const [definition] = await new Engine({ name: 'read', source: process(steps) }).getDefinitions();
  const sourceContext = (definition as unknown as { context: { definitionContext: unknown } }).context
    .definitionContext;
  const saved = store?.collection<unknown>('bpmn');
  let count = 0;
  return async () => {
    count += 1;
    const id = `bpmn-${count}`;
    let data = { n: 0 };
    const engine = new Engine({ name: id, sourceContext: sourceContext as never });
    const work = async (next: (error: Error | null, result: unknown) => void) => {
      data = await step(data);
      if (saved !== undefined) saved.put(id, engine.execution.getState());
      next(null, data);
    };
    const ended = engine.waitFor('end');
    await engine.execute({
      services: {
        step: (_scope: unknown, next: (error: Error | null, result: unknown) => void) => void work(next),
      },
    });
    await ended;
    saved?.delete(id);
    if (data.n !== steps) throw new Error(`BPMN: ${data.n}`);
  };
}

function process(steps: number): string {
  const names = ['start', ...Array.from({ length: steps }, (_, n) => `step${n}`), 'end'];
  const tasks = names
    .slice(1, -1)
    .map((id) => `<serviceTask id="${id}" implementation="\${environment.services.step}" />`);
  const flows = names
    .slice(1)
    .map((id, n) => `<sequenceFlow id="flow${n}" sourceRef="${names[n]}" targetRef="${id}" />`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<definitions id="bench" xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="urn:bench">
<process id="steps" isExecutable="true"><startEvent id="start" />${tasks.join('')}<endEvent id="end" />${flows.join('')}</process>
</definitions>`;
}
