/** Guarded changes of the network and their arbitration. */
export const CHANGE_ERRORS = {
  CHANGE_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The change is not valid: {problem}.',
    hint: 'docs/changes.md lists the fields of a change.',
  },
  CHANGE_CONFLICT: {
    class: 'retryable',
    status: 409,
    message: '{resource} is held by {holder}: {why}.',
    hint: 'Wait until it is given back, ask with a higher priority, or set the same value.',
  },
  CHANGE_DIFFERENT: {
    class: 'terminal',
    status: 409,
    message: 'The change {id} was asked for before with other terms.',
    hint: 'One id stands for one change; take a new one.',
  },
  CHANGE_UNSEEN: {
    class: 'retryable',
    status: 502,
    message: 'The figure {kpi} of {tool} cannot be read: {problem}.',
    hint: 'Name a figure by a JSON Pointer into what the tool gives; without it the change is not made.',
  },
  CHANGE_UNDO: {
    class: 'retryable',
    status: 502,
    message: 'The undo by {tool} failed: {problem}',
    hint: 'It is tried again under the same key; if it stays so, take the change back by hand.',
  },
} as const;
