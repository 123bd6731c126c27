import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

/** The last events of a session, so that a client that lost a stream takes it up again (`Last-Event-ID`). */
export function createEventStore(max = 256): EventStore {
  const kept: Array<{ id: string; stream: string; message: JSONRPCMessage }> = [];
  let last = 0;
  return {
    async storeEvent(stream, message) {
      last += 1;
      const id = `${stream}:${last}`;
      kept.push({ id, stream, message });
      if (kept.length > max) kept.shift();
      return id;
    },
    async getStreamIdForEventId(id) {
      return kept.find((event) => event.id === id)?.stream;
    },
    async replayEventsAfter(id, { send }) {
      const at = kept.findIndex((event) => event.id === id);
      const stream = kept[at]?.stream ?? '';
      // The priming event of a stream has no message.
      for (const event of kept.slice(at + 1)) {
        if (event.stream === stream && 'jsonrpc' in event.message) await send(event.id, event.message);
      }
      return stream;
    },
  };
}
