import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  judge,
  type Marks,
  type PlannedStep,
  type RouteJoin,
  type StepMark,
  undoOf,
} from '../../machines/protocols/route.machine.ts';

/** Plans whose steps wait only for earlier ones, so they have no circle. */
const plans: fc.Arbitrary<PlannedStep[]> = fc
  .array(
    fc.record({
      waits: fc.array(fc.nat(20), { maxLength: 3 }),
      onError: fc.constantFrom('fail' as const, 'continue' as const, 'compensate' as const),
      undoable: fc.boolean(),
    }),
    { minLength: 1, maxLength: 9 },
  )
  .map((steps) =>
    steps.map(({ waits, ...step }, index) => ({
      ...step,
      id: `s${index}`,
      after: [...new Set(waits.filter((at) => at < index).map((at) => `s${at}`))],
    })),
  );
const joins: fc.Arbitrary<RouteJoin> = fc.oneof(
  fc.constantFrom('all' as const, 'any' as const),
  fc.record({ atLeast: fc.integer({ min: 1, max: 5 }) }),
);
const ends = fc.infiniteStream(
  fc.constantFrom<StepMark>('done', 'done', 'done', 'failed', 'skipped', 'unknown', 'cancelled'),
);

test('whatever its steps do, an execution ends: it is decided, or something runs or can begin', () => {
  fc.assert(
    fc.property(plans, joins, ends, fc.infiniteStream(fc.nat()), (plan, join, outcomes, picks) => {
      let marks: Marks = {};
      const begun: string[] = [];
      for (let round = 0; ; round += 1) {
        expect(round).toBeLessThanOrEqual(plan.length);
        const { verdict, ready } = judge(plan, marks, join);
        if (verdict !== 'open') {
          expect(ready).toEqual([]);
          break;
        }
        for (const id of ready) {
          expect(begun).not.toContain(id);
          begun.push(id);
          const step = plan.find((one) => one.id === id) as PlannedStep;
          for (const needed of step.after)
            expect(['waiting', 'running', undefined]).not.toContain(marks[needed]);
          marks = { ...marks, [id]: 'running' };
        }
        const running = Object.keys(marks).filter((id) => marks[id] === 'running');
        expect(running).not.toEqual([]);
        const id = running[(picks.next().value as number) % running.length] as string;
        marks = { ...marks, [id]: outcomes.next().value as StepMark };
      }
    }),
  );
});

test('all ends well only if every step ended, and badly only if one failed that must not', () => {
  fc.assert(
    fc.property(
      plans,
      fc.array(fc.constantFrom<StepMark>('done', 'failed', 'skipped', 'waiting')),
      (plan, list) => {
        const marks: Marks = Object.fromEntries(plan.map(({ id }, i) => [id, list[i] ?? 'done']));
        const { verdict } = judge(plan, marks, 'all');
        const failed = plan.some(({ id, onError }) => marks[id] === 'failed' && onError !== 'continue');
        if (verdict === 'failed') expect(failed).toBe(true);
        if (verdict === 'done') expect(Object.values(marks)).not.toContain('waiting');
        if (failed) expect(verdict).toBe('failed');
      },
    ),
  );
});

test('only steps that were done and can be undone are undone, and only where a step asks for it', () => {
  fc.assert(
    fc.property(plans, fc.array(fc.constantFrom<StepMark>('done', 'failed', 'undone')), (plan, list) => {
      const marks: Marks = Object.fromEntries(plan.map(({ id }, i) => [id, list[i] ?? 'done']));
      const undone = undoOf(plan, marks);
      const asked = plan.some(({ id, onError }) => onError === 'compensate' && marks[id] === 'failed');
      expect(undone).toEqual(
        asked ? plan.filter(({ id, undoable }) => undoable && marks[id] === 'done').map(({ id }) => id) : [],
      );
    }),
  );
});
