/** Rules, experience and the explorer of parameters. */
export const EXPLORE_ERRORS = {
  EXPLORE_RULES_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The expert rules in {file} are not valid: {problem}.',
    hint: 'docs/explore.md shows the form of a rule and names the facts that it can read.',
  },
  EXPLORE_INPUT_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'There is nothing to decide on: {problem}.',
    hint: 'A situation has scope, goal and kpis; bounds name the parameters that may be set.',
  },
  EXPLORE_SANDBOX_FAILED: {
    class: 'retryable',
    status: 503,
    message: 'The sandbox did not evaluate the parameters: {problem}.',
    hint: 'Nothing was changed in the network; ask again.',
  },
  EXPLORE_SANDBOX_NONE: {
    class: 'terminal',
    status: 409,
    message: 'This network has no sandbox.',
    hint: 'Start it with a scenario world (--world); the simulation without one cannot be copied.',
  },
} as const;
