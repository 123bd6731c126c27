import { errorsOf } from '../machines/failure.ts';

/** The catalogue of errors of `broker/`. Codes are stable; `docs/errors.md` is generated from here. */
export const BUS_CATALOG = {
  BUS_PORT_IN_USE: {
    class: 'terminal',
    status: 500,
    message: 'Port {port} on {host} is in use.',
    hint: 'Stop the program that holds it, or give another port (0 takes any free one).',
  },
  BUS_ADDRESS_UNUSABLE: {
    class: 'terminal',
    status: 500,
    message: 'Cannot listen on {host}, port {port}: {problem}.',
    hint: 'Give an address of this machine and a port that this user may take.',
  },
  BUS_ADDRESS_OPEN: {
    class: 'terminal',
    status: 500,
    message: 'Refusing to listen on {host} without authentication.',
    hint: 'Use a loopback address, or an identity provider that authenticates.',
  },
  BUS_CREDENTIALS_INVALID: {
    class: 'terminal',
    status: 500,
    message: 'The credentials in {file} cannot be used: {problem}.',
    hint: 'Give each agent one entry: "org/unit/agent: { role: agent, hash: scrypt$N$r$p$salt$hash }".',
  },
  BUS_TLS_UNUSABLE: {
    class: 'terminal',
    status: 500,
    message: 'TLS cannot be used: {problem}.',
    hint: 'Give the paths of a certificate and its key in PEM, and of the authorities of clients.',
  },
  BUS_ID_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The agent id "{id}" is not valid.',
    hint: 'An id is org/unit/agent, each part of letters, digits, dot, underscore and hyphen.',
  },
  BUS_UNREACHABLE: {
    class: 'retryable',
    status: 503,
    message: 'The broker {url} cannot be reached: {problem}.',
    hint: 'Check the address, and that the broker runs and speaks MQTT 5.',
  },
  BUS_REFUSED: {
    class: 'terminal',
    status: 403,
    message: 'The broker refused {id}: {problem}.',
    hint: 'Another member may hold this id, or the broker wants credentials.',
  },
  BUS_AGENT_UNAPPROVED: {
    class: 'terminal',
    status: 403,
    message: 'The agent {agent} is not approved ({state}).',
    hint: 'Look at its card with "netagent agents", then let it in with "netagent approve".',
  },
  BUS_AGENT_UNTRUSTED: {
    class: 'terminal',
    status: 403,
    message: 'The card of {agent} is not trusted: {problem}.',
    hint: 'Have the card signed by a key of the trust file, or add the key of its signer there.',
  },
  BUS_KEY_UNKNOWN: {
    class: 'terminal',
    status: 400,
    message: 'No key to encrypt for {agent} is known.',
    hint: 'Its card has to offer one (extension urn:netagent:a2a-mqtt:ubsp:1); pools cannot be asked so.',
  },
  BUS_TOKEN_EXPOSED: {
    class: 'terminal',
    status: 400,
    message: 'A token for {agent} would travel in clear text.',
    hint: 'Connect to the broker by mqtts: or wss:, or on the same machine.',
  },
  BUS_CLOSED: {
    class: 'terminal',
    status: 503,
    message: 'The bus is closed.',
    hint: 'Start or join it again.',
  },
  BUS_AGENT_UNKNOWN: {
    class: 'retryable',
    status: 404,
    message: 'No card of the agent {agent} is on the bus.',
    hint: 'See `netagent agents` for who is there; the agent may not have started yet.',
  },
  BUS_NO_REPLY: {
    class: 'retryable',
    status: 504,
    message: 'The agent {agent} did not answer {method} in {attempts} attempts.',
    hint: 'See `netagent agents` whether it is online. A task that it began goes on; ask for it by its id.',
  },
  BUS_STREAM_STALLED: {
    class: 'retryable',
    status: 504,
    message: 'The stream of {method} from {agent} stopped and the agent does not answer.',
    hint: 'The task may go on; ask for it by its id when the agent is back.',
  },
  BUS_PUBLISH_REFUSED: {
    class: 'terminal',
    status: 403,
    message: 'The broker refused to carry {method} to {agent}: {problem}.',
    hint: 'A member may publish its own card and requests with its own reply topic only.',
  },
  BUS_BINDING_REFUSED: {
    class: 'terminal',
    status: 400,
    message: 'The agent {agent} refused the MQTT metadata of {method}: {problem}.',
    hint: 'A request needs Response Topic and Correlation Data, and properties that equal the payload.',
  },
  BUS_RESPONDER_UNAVAILABLE: {
    class: 'retryable',
    status: 503,
    message: 'The agent {agent} cannot take {method} now: {problem}.',
    hint: 'Try again later.',
  },
  BUS_PUSH_TARGET_REFUSED: {
    class: 'terminal',
    status: 400,
    message: 'Push notifications do not go to this address: {problem}.',
    hint: 'Give a public https address, or have the operator allow this one.',
  },
  BUS_LEDGER_UNAVAILABLE: {
    class: 'retryable',
    status: 503,
    message: 'The task {task} was not accepted: its log cannot be written ({problem}).',
    hint: 'Nothing of it was kept. Make room on the disk or repair the data folder, then send it again.',
  },
  BUS_REPLY_INVALID: {
    class: 'terminal',
    status: 502,
    message: 'The agent {agent} answered {method} with something that is not A2A: {problem}.',
    hint: 'The agent has a defect; nothing was taken from that answer.',
  },
} as const;

export const failBus = errorsOf(BUS_CATALOG);
export { NetAgentError } from '../machines/failure.ts';
