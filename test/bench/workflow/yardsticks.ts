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

/** A sequence of service tasks; with `pause`, a timer behind each. */
export function process(steps: number, pause?: string): string {
  const timer = `<timerEventDefinition><timeDuration xsi:type="tFormalExpression">${pause}</timeDuration></timerEventDefinition>`;
  const nodes = [
    { id: 'start', xml: '<startEvent id="start" />' },
    ...Array.from({ length: steps }, (_, n) => [
      { id: `step${n}`, xml: `<serviceTask id="step${n}" implementation="\${environment.services.step}" />` },
      ...(pause === undefined
        ? []
        : [
            {
              id: `pause${n}`,
              xml: `<intermediateCatchEvent id="pause${n}">${timer}</intermediateCatchEvent>`,
            },
          ]),
    ]).flat(),
    { id: 'end', xml: '<endEvent id="end" />' },
  ];
  const flows = nodes
    .slice(1)
    .map(({ id }, n) => `<sequenceFlow id="flow${n}" sourceRef="${nodes[n]?.id}" targetRef="${id}" />`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<definitions id="bench" xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" targetNamespace="urn:bench">
<process id="steps" isExecutable="true">${[...nodes.map(({ xml }) => xml), ...flows].join('')}</process>
</definitions>`;
}
