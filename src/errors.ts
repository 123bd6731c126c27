import { errorsOf } from '../machines/failure.ts';

/**
 * The catalogue of errors of `src/`. Codes are stable; `docs/errors.md` is generated from here.
 * One block a module, codes begin with the module's name.
 */
export const CATALOG = {
  // cli
  CLI_USAGE: {
    class: 'terminal',
    status: 400,
    message: '{problem}',
    hint: 'Run `netagent {verb} --help` for the flags.',
  },
  // runtime
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
  // durable
  STORE_BROKEN: {
    class: 'terminal',
    status: 500,
    message: 'The store {file} cannot be used: {problem}.',
    hint: 'Nothing was changed. Give another folder with --data, or repair or remove that file.',
  },
  // network
  // netmcp
  // workflow
  // intent
  // knowledge
  // gateway
} as const;

export const fail = errorsOf(CATALOG);
export { NetAgentError } from '../machines/failure.ts';
