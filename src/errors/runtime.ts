/** The command line, the runtime and its agents. */
export const RUNTIME_ERRORS = {
  CLI_USAGE: {
    class: 'terminal',
    status: 400,
    message: '{problem}',
    hint: 'Run `netagent {verb} --help` for the flags.',
  },
  RUNTIME_PORT_IN_USE: {
    class: 'terminal',
    status: 500,
    message: 'Port {port} on {host} is in use.',
    hint: 'Stop the program that holds it, or give another port (0 takes any free one).',
  },
  RUNTIME_ADDRESS_OPEN: {
    class: 'terminal',
    status: 500,
    message: 'Refusing to listen on {host} without authentication.',
    hint: 'Use a loopback address; other addresses need credentials for every agent first.',
  },
  RUNTIME_NOT_FOUND: {
    class: 'retryable',
    status: 503,
    message: 'No runtime answers at {url}: {problem}.',
    hint: 'Start one with `npm start`, or give its address with --to.',
  },
  AGENT_MANIFEST_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The agent manifest {file} is not valid: {problem}.',
    hint: 'Correct that field; docs/configuration.md lists them all.',
  },
  AGENT_ENTRY_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The agent {agent} cannot be loaded from {file}: {problem}.',
    hint: 'The entry of an agent has a default export made by `defineAgent`.',
  },
  AGENT_UNREACHABLE: {
    class: 'retryable',
    status: 503,
    message: 'The agent {agent} did not answer: {problem}.',
    hint: 'See `netagent agents` for who is online.',
  },
  AGENT_TASK_FAILED: {
    class: 'terminal',
    status: 502,
    message: 'The agent {agent} ended the task {skill} as {state}: {problem}',
    hint: 'The text says what the agent refused or could not do.',
  },
} as const;
