import { errorsOf } from '../machines/failure.ts';

/** The catalogue of errors of `broker/`. Codes are stable; `docs/errors.md` is generated from here. */
export const BUS_CATALOG = {
  BUS_PORT_IN_USE: {
    class: 'terminal',
    status: 500,
    message: 'Port {port} on {host} is in use.',
    hint: 'Stop the program that holds it, or give another port (0 takes any free one).',
  },
} as const;

export const failBus = errorsOf(BUS_CATALOG);
export { NetAgentError } from '../machines/failure.ts';
