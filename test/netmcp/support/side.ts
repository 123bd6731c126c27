import type { CallRequest, CallToolResult, ServerSide } from '../../../src/netmcp/session/server-session.ts';

/** A server whose tools are functions of the test. */
export function sideOf(
  tools: Record<string, (request: CallRequest) => Promise<string> | string>,
): ServerSide & { streams: number } {
  const side: ServerSide & { streams: number } = {
    name: 'side',
    instructions: '',
    streams: 0,
    parts: [
      {
        features: ['discover'],
        methods: new Map([
          [
            'netmcp/servers/discover',
            async (_, __, context) => {
              context.progress({ progress: 1, message: 'half' });
              return { servers: [] };
            },
          ],
        ]),
        onStream: () => {
          side.streams += 1;
        },
      },
    ],
    listTools: () => Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' as const } })),
    async callTool(_, request): Promise<CallToolResult> {
      const text = await tools[request.name]?.(request);
      return { content: [{ type: 'text', text: text ?? '' }] };
    },
  };
  return side;
}

/** A promise that the test settles. */
export function gate<T = void>(): { open(value: T): void; passed: Promise<T> } {
  let open: (value: T) => void = () => {};
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}
