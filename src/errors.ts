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
