import { fromPromise } from 'xstate';

/**
 * What a chart asks of its host by name. A chart that is run without one of them fails loudly: XState
 * itself says nothing about an action without an implementation.
 */
const asked = new WeakSet<object>();

/** Actor source that the host must give by `machine.provide({actors})`. */
export function effect<Output, Input>(name: string) {
  const logic = fromPromise<Output, Input>(() =>
    Promise.reject(new TypeError(`The effect "${name}" was not provided.`)),
  );
  asked.add(logic);
  return logic;
}

/** Action that the host must give by `machine.provide({actions})`. */
export function hostAction<Params = undefined>(name: string) {
  const action = (_: unknown, __: Params): void => {
    throw new TypeError(`The action "${name}" was not provided.`);
  };
  asked.add(action);
  return action;
}

/** Whether this implementation only names what the host must provide. */
export function isAsked(implementation: unknown): boolean {
  return (
    (typeof implementation === 'function' || typeof implementation === 'object') &&
    implementation !== null &&
    asked.has(implementation)
  );
}
