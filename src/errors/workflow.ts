/** Workflows. */
export const WORKFLOW_ERRORS = {
  WORKFLOW_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The workflow {file} is not valid at {where}: {problem}.',
    hint: 'Correct that line; the tasks that run here are listed in docs/architecture.md.',
  },
  WORKFLOW_NOT_FOUND: {
    class: 'terminal',
    status: 404,
    message: 'The agent {agent} has no workflow {name}.',
    hint: 'Its templates are in the folder that its manifest names.',
  },
  WORKFLOW_FUNCTION_UNKNOWN: {
    class: 'terminal',
    status: 400,
    message: 'No function {name} can be called here.',
    hint: 'Functions of the runtime are called as NAME:1.0.0@default.',
  },
  WORKFLOW_EXPRESSION: {
    class: 'terminal',
    status: 400,
    message: 'The expression {expression} failed: {problem}.',
    hint: 'Expressions are jq; each gives exactly one value.',
  },
  WORKFLOW_EVENT_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'That is no CloudEvent: {problem}.',
    hint: 'An event has id, source, specversion "1.0" and type; names of attributes are lower-case.',
  },
  WORKFLOW_SCHEDULE_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The schedule {id} is not valid: {problem}.',
    hint: 'A schedule has one of every, cron, after and on; docs/workflow-triggers.md says how each is written.',
  },
  WORKFLOW_CONDITION_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The condition {id} is not valid: {problem}.',
    hint: 'Kinds are threshold, rate and absence; docs/workflow-triggers.md says how each is written.',
  },
  WORKFLOW_TRIGGER_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The trigger {id} of {file} is not valid: {problem}.',
    hint: 'docs/workflow-triggers.md says how a trigger is written.',
  },
  WORKFLOW_TRIGGER_UNKNOWN: {
    class: 'terminal',
    status: 404,
    message: 'No trigger {id} can be asked for.',
    hint: 'Only triggers with "on: request" are asked for by name.',
  },
  WORKFLOW_FAULTED: {
    class: 'terminal',
    status: 500,
    message: 'The workflow {name} faulted at {task}: {problem}',
    hint: 'The fault names the task; what it called says more in the log.',
  },
  WORKFLOW_CANCELLED: {
    class: 'terminal',
    status: 409,
    message: 'The workflow {name} was cancelled.',
    hint: 'Ask again if it is still needed.',
  },
  WORKFLOW_INTERRUPTED: {
    class: 'retryable',
    status: 503,
    message: 'The workflow {name} was interrupted: the engine stops.',
    hint: 'An instance that is kept goes on at the next start.',
  },
  WORKFLOW_INSTANCE_UNKNOWN: {
    class: 'terminal',
    status: 404,
    message: 'There is no workflow instance {id}.',
    hint: 'netagent workflows instances lists those that are kept.',
  },
  WORKFLOW_INSTANCE_STATE: {
    class: 'terminal',
    status: 409,
    message: 'The workflow instance {id} cannot do that: {problem}.',
    hint: 'netagent workflows show ID tells its state and its steps.',
  },
  TEMPLATE_AMBIGUOUS: {
    class: 'terminal',
    status: 409,
    message: 'The name {name} is that of several templates: {ids}.',
    hint: 'Say which by NAMESPACE/NAME.',
  },
} as const;
