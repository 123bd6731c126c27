/** The conformance kits. */
export const CONFORMANCE_ERRORS = {
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
  CONFORMANCE_NO_CHECK: {
    class: 'terminal',
    status: 400,
    message: 'No check and no group of checks is called {name}, for this kind of server.',
    hint: 'Groups: {groups}. A check is named as the table shows it, `group.check`.',
  },
} as const;
