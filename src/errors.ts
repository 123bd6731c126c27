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
  // durable
  STORE_BROKEN: {
    class: 'terminal',
    status: 500,
    message: 'The store {file} cannot be used: {problem}.',
    hint: 'Nothing was changed. Give another folder with --data, or repair or remove that file.',
  },
  TRUST_FILE_INVALID: {
    class: 'terminal',
    status: 500,
    message: 'The key file {file} cannot be used: {problem}.',
    hint: 'Make a key with "netagent key NAME --out FILE"; list public ones in a file under "keys:".',
  },
  STORE_LOCKED: {
    class: 'terminal',
    status: 409,
    message: 'The store {file} is in use by another runtime.',
    hint: 'Stop that one, or give another folder with --data.',
  },
  // conformance
  CONFORMANCE_UNREACHABLE: {
    class: 'retryable',
    status: 503,
    message: 'The broker {broker} did not take the connection of the conformance kit: {problem}.',
    hint: 'Check the address and credentials (in the URL), and that the broker speaks MQTT 5.',
  },
  CONFORMANCE_NO_SERVER: {
    class: 'retryable',
    status: 503,
    message: 'No MCP session with {url} came about: {problem}.',
    hint: 'Give the MCP endpoint of a tool server or management server, and --token where it wants one.',
  },
  // network
  TRACE_UNREADABLE: {
    class: 'terminal',
    status: 400,
    message: 'The trace {file} cannot be read: {problem}.',
    hint: 'Give a CSV file with the columns of the UCC 5G data set.',
  },
  NETWORK_REGION_UNKNOWN: {
    class: 'terminal',
    status: 404,
    message: 'No region is called {region}.',
    hint: 'Name a city of the gazetteer in English, for example Shanghai.',
  },
  NETWORK_TRIP_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The trip {trip} cannot be booked: {problem}.',
    hint: 'Correct the request; windows end after they start.',
  },
  NETWORK_SUBSCRIBER_UNKNOWN: {
    class: 'terminal',
    status: 404,
    message: 'The network knows no subscriber {supi} that travels.',
    hint: 'Use the subscriber that the simulation was started for.',
  },
  TRACE_MALFORMED: {
    class: 'terminal',
    status: 400,
    message: 'The trace {file} is malformed at line {line}, column {column}: {problem}.',
    hint: 'It must be a CSV file with the columns of the UCC 5G data set, one row a second.',
  },
  TRACE_EMPTY: {
    class: 'terminal',
    status: 400,
    message: 'The trace {file} has no rows (line {line}, column {column}).',
    hint: 'It must hold a header and at least one row.',
  },
  NETWORK_GRID_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The grid refuses {field}: {problem}.',
    hint: 'Nothing was changed. docs/network.md says what a layout, an option or a call may hold.',
  },
  NETWORK_SNAPSHOT_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The snapshot cannot be restored: {problem}.',
    hint: 'Nothing was changed. Build the grid with the layout and options of the one that was saved.',
  },
  // netmcp
  NETMCP_UNREACHABLE: {
    class: 'retryable',
    status: 503,
    message: 'No session with the server {server}: {problem}.',
    hint: 'See whether the server runs and its address is right.',
  },
  NETMCP_NO_FEATURE: {
    class: 'terminal',
    status: 501,
    message: 'The server {server} did not negotiate the feature {feature} that {method} needs ({reason}).',
    hint: 'Use the plain MCP tools of that server.',
  },
  NETMCP_NO_SERVER: {
    class: 'retryable',
    status: 503,
    message: 'No tool server offers {tool} now{where}.',
    hint: 'See `netagent tools` for what is offered.',
  },
  NETMCP_OVERLOADED: {
    class: 'retryable',
    status: 503,
    message: 'The server {server} is past its limit and did not execute {tool}.',
    hint: 'Try again later, or at one of its alternates.',
  },
  NETMCP_LOST: {
    class: 'retryable',
    status: 502,
    message: 'The connection to {server} was lost during {tool}: {problem}.',
    hint: 'Where executed is "maybe", read the state of the network before the call is repeated.',
  },
  NETMCP_REJECTED: {
    class: 'terminal',
    status: 400,
    message: 'The server {server} rejected {tool}: {problem}',
    hint: 'Compare the call with the definition of the tool.',
  },
  NETMCP_TIMEOUT: {
    class: 'retryable',
    status: 504,
    message: 'The server {server} did not answer {tool} in time.',
    hint: 'Read the state of the network before the call is repeated, or give it a longer deadline.',
  },
  NETMCP_CANCELLED: {
    class: 'terminal',
    status: 499,
    message: 'The call of {tool} was cancelled.',
    hint: 'Nothing: its caller withdrew it.',
  },
  NETMCP_TOOL_FAILED: {
    class: 'terminal',
    status: 502,
    message: 'The tool {tool} did not do its work: {problem}',
    hint: 'The text says which network function refused, or which rule.',
  },
  NETMCP_NO_PLACE: {
    class: 'terminal',
    status: 409,
    message: 'No healthy edge serves {supi} within {maxDelayMs} ms.',
    hint: 'Ask with a longer delay, or leave the service where it is.',
  },
  NETMCP_NO_QUIC: {
    class: 'terminal',
    status: 501,
    message: 'HTTP/3 and QUIC cannot be served: {problem}.',
    hint: 'Install the optional package @currentspace/http3 and give a key and a certificate, or leave them out.',
  },
  NETMCP_NO_TLS: {
    class: 'terminal',
    status: 500,
    message: 'Refusing to give out tokens in plain words on {host}.',
    hint: 'Give it a key and a certificate, or a loopback address.',
  },
  NETMCP_UNAUTHORISED: {
    class: 'terminal',
    status: 401,
    message: 'No token for {server}: {problem}.',
    hint: 'See that the client is known to the authorisation server, and its secret right.',
  },
  NETMCP_FORBIDDEN: {
    class: 'terminal',
    status: 403,
    message: 'The server {server} wants {needs}, which this client cannot get.',
    hint: 'Have the operator, or the person who consents, allow it.',
  },
  NETMCP_TOOL_INVALID: {
    class: 'terminal',
    status: 500,
    message: 'The definition of the tool {tool} is not valid: {problem}.',
    hint: 'Correct the definition.',
  },
  NETMCP_POLICY_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The policy file {file} is not valid: {problem}.',
    hint: 'Correct that rule; docs/netmcp/tools.md lists the fields.',
  },
  AUDIT_BROKEN: {
    class: 'terminal',
    status: 500,
    message: 'The audit log {file} cannot be trusted or written: {problem}.',
    hint: 'Keep that file and its .head for inspection, and give another path to start a new log.',
  },
  NETMCP_CLIENTS_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The file of NetMCP clients {file} is not valid: {problem}.',
    hint: 'It needs `clients:` with an id and scopes each; docs/netmcp/authorization.md shows one.',
  },
  NETMCP_NOT_PENDING: {
    class: 'terminal',
    status: 409,
    message: 'No content {hash} of the tool {tool} waits for approval.',
    hint: 'List what waits, look at the difference, and approve the hash that is shown there.',
  },
  NETMCP_NAME_RESERVED: {
    class: 'terminal',
    status: 409,
    message: 'The name {tool} belongs to a tool of the server itself and is not given away.',
    hint: 'Reject what was published under it; its provider must choose another name.',
  },
  NETMCP_ADOPTION_INVALID: {
    class: 'terminal',
    status: 400,
    message: 'The MCP server {server} cannot be adopted: {problem}.',
    hint: 'Give an id of its own, and a command or a URL.',
  },
  // sbi
  SBI_FAILED: {
    class: 'terminal',
    status: 502,
    message: 'The {nf} answered {operation} with {status} {cause}.',
    hint: 'The problem says what was refused; a status of 429 or 503 means later.',
  },
  SBI_UNREACHABLE: {
    class: 'retryable',
    status: 503,
    message: 'The {nf} at {base} was not reached: {problem}.',
    hint: 'See whether that network function runs and is registered at the NRF.',
  },
  SBI_LOST: {
    class: 'retryable',
    status: 502,
    message: 'The connection to the {nf} was lost during {operation}: {problem}.',
    hint: 'It may have been executed: read the state before the request is repeated.',
  },
  SBI_TIMEOUT: {
    class: 'retryable',
    status: 504,
    message: 'The {nf} did not answer {operation} within {timeoutMs} ms.',
    hint: 'It may have been executed: read the state before the request is repeated.',
  },
  SBI_CANCELLED: {
    class: 'terminal',
    status: 499,
    message: 'The request {operation} to the {nf} was cancelled.',
    hint: 'Nothing: its caller withdrew it.',
  },
  // workflow
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
  // intent
  // knowledge
  KNOWLEDGE_REFUSED: {
    class: 'terminal',
    status: 400,
    message: 'This is not an experience to keep: {problem}.',
    hint: 'An experience names region, place, kind, cells, time of day, severity, measure and whether it helped.',
  },
  // gateway
  GATEWAY_FOREIGN_ORIGIN: {
    class: 'terminal',
    status: 403,
    message: 'The gateway serves neither this host nor pages of this origin.',
    hint: 'Use the address that the gateway was started with; a page of another origin may not call it.',
  },
  GATEWAY_OPERATOR_ONLY: {
    class: 'terminal',
    status: 403,
    message: 'Only the operator at the machine of the runtime may do this.',
    hint: 'Use "netagent agents approve ID" or "netagent agents revoke ID" there.',
  },
  GATEWAY_NOT_FOUND: {
    class: 'terminal',
    status: 404,
    message: 'Nothing is served at {path}.',
    hint: 'Agents are at /agents/ORG/UNIT/AGENT; GET /agents lists them.',
  },
  GATEWAY_STARTING: {
    class: 'retryable',
    status: 503,
    message: 'The gateway is not ready yet.',
    hint: 'Try again later; /readyz says when.',
  },
  GATEWAY_AGENT_OFFLINE: {
    class: 'retryable',
    status: 503,
    message: 'The agent {agent} is offline.',
    hint: 'Try again when GET /agents shows it as online.',
  },
  GATEWAY_UNAUTHENTICATED: {
    class: 'terminal',
    status: 401,
    message: 'The gateway does not know who is asking: {problem}.',
    hint: 'Send a valid token as "Authorization: Bearer TOKEN".',
  },
  GATEWAY_BODY_REFUSED: {
    class: 'terminal',
    status: 400,
    message: 'The body cannot be read: {problem}.',
    hint: 'Send JSON in UTF-8 and say so in Content-Type.',
  },
  GATEWAY_TOO_LARGE: {
    class: 'terminal',
    status: 413,
    message: 'The body is larger than {limit} bytes.',
    hint: 'Send less, or a link to the content in place of the content.',
  },
  GATEWAY_TOO_DEEP: {
    class: 'terminal',
    status: 400,
    message: 'The body is nested deeper than {limit} levels.',
    hint: 'Send flatter data.',
  },
  GATEWAY_TOO_MANY_STREAMS: {
    class: 'retryable',
    status: 429,
    message: 'This client has {limit} open streams already.',
    hint: 'Close a stream first; a task goes on without one.',
  },
  GATEWAY_TOO_MANY_USERS: {
    class: 'retryable',
    status: 503,
    message: 'The gateway works for {limit} users already.',
    hint: 'Try again later.',
  },
  GATEWAY_TIMEOUT: {
    class: 'retryable',
    status: 504,
    message: 'The agent {agent} did not finish within {ms} ms.',
    hint: 'A task that it began goes on: ask for it by its id. Stream, or return immediately, for long work.',
  },
  GATEWAY_FAILED: {
    class: 'terminal',
    status: 500,
    message: 'The gateway failed at this request.',
    hint: 'The log says more.',
  },
  GATEWAY_PORT_UNUSABLE: {
    class: 'terminal',
    status: 500,
    message: 'Cannot serve gRPC on {host}, port {port}: {problem}.',
    hint: 'Give another port (0 takes any free one).',
  },
  GATEWAY_REMOTE_UNREADABLE: {
    class: 'retryable',
    status: 502,
    message: 'No agent card was read from {url}: {problem}.',
    hint: 'Check the address, and that the agent serves /.well-known/agent-card.json.',
  },
  GATEWAY_REMOTE_REFUSED: {
    class: 'terminal',
    status: 502,
    message: 'The agent at {url} refused the message: {problem}',
    hint: 'Ask it for something that its card offers.',
  },
  GATEWAY_TASK_TAKEN: {
    class: 'terminal',
    status: 409,
    message: 'The task id {task} is in use.',
    hint: 'Make a new UUID for each task.',
  },
  GATEWAY_REMOTE_LOST: {
    class: 'retryable',
    status: 502,
    message: 'The agent at {url} was lost during the task: {problem}.',
    hint: 'It may have done the work; look there before it is asked again.',
  },
} as const;

export const fail = errorsOf(CATALOG);
export { NetAgentError } from '../machines/failure.ts';
