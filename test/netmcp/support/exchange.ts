import { Readable } from 'node:stream';
import type { Exchange } from '../../../src/netmcp/transport/exchange.ts';

export interface FakeExchange extends Exchange {
  status: number | null;
  json: unknown;
  /** The events that were written, as id and data; one without data is left out. */
  events(): Array<{ id: string; data: string }>;
  /** The requester goes away. */
  cut(): void;
}

/** An exchange without a wire: what is written is there at once. */
export function fakeExchange(headers: Record<string, string> = {}): FakeExchange {
  let text = '';
  let over = false;
  const listeners: Array<() => void> = [];
  const finish = () => {
    if (over) return;
    over = true;
    for (const listener of listeners) listener();
  };
  const exchange: FakeExchange = {
    method: 'POST',
    path: '/mcp',
    headers,
    authority: 'localhost',
    secure: false,
    body: Readable.from([]),
    status: null,
    json: null,
    open: () => !over,
    reply(status, _, body = 'null') {
      exchange.status = status;
      exchange.json = JSON.parse(body);
      finish();
    },
    begin() {
      exchange.status = 200;
    },
    write(piece) {
      text += piece;
      return true;
    },
    end: finish,
    abort: finish,
    onClose: (listener) => void listeners.push(listener),
    events: () =>
      [...text.matchAll(/id: (\S+)\n(?:event: message\n|retry: \d+\n)data: (.*)\n\n/g)].map(
        ([, id = '', data = '']) => ({ id, data }),
      ),
    cut: finish,
  };
  return exchange;
}
