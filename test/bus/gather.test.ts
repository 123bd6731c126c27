import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { gather } from '../../broker/gather.ts';

async function pair() {
  const got: Buffer[] = [];
  const server = createServer((socket) => socket.on('data', (bytes) => got.push(bytes)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  const writes: number[] = [];
  const write = Socket.prototype._write;
  socket._write = function (this: Socket, bytes: Buffer, ...rest) {
    writes.push(bytes.length);
    return write.call(this, bytes, ...rest);
  };
  gather(socket);
  return { socket, got, writes };
}

/** As the encoder of MQTT writes: corked, in pieces, let go of at the next tick. */
function packet(socket: Socket, ...pieces: Array<Buffer | string>) {
  socket.cork();
  for (const piece of pieces) {
    if (typeof piece === 'string') socket.write(piece, 'utf8');
    else socket.write(piece);
  }
  process.nextTick(() => socket.uncork());
}

test('all packets of one turn are one write, in order, byte for byte', async () => {
  const { socket, got, writes } = await pair();
  packet(socket, Buffer.from([0x30, 7]), 'grüße', Buffer.from([0]));
  await Promise.resolve();
  packet(socket, 'two', '');
  process.nextTick(() => packet(socket, Buffer.from('three')));
  await new Promise((resolve) => setImmediate(resolve));
  packet(socket, 'the next turn', Buffer.from('!'));
  const whole = Buffer.concat([Buffer.from([0x30, 7]), Buffer.from('grüße\0twothreethe next turn!')]);
  await vi.waitFor(() => expect(Buffer.concat(got)).toEqual(whole));
  expect(writes).toEqual([whole.length - 14, 14]);
});

test('many packets do not wait for the end of the turn', async () => {
  const { socket, got, writes } = await pair();
  for (let n = 0; n < 19; n++) {
    packet(socket, 'ab', 'cd');
    await new Promise<void>((resolve) => process.nextTick(resolve));
  }
  expect(writes).toEqual([32, 32]);
  await vi.waitFor(() => expect(Buffer.concat(got)).toHaveLength(76));
  expect(writes).toEqual([32, 32, 12]);
});

test('what is held when the socket is ended or destroyed is sent, or ends nothing', async () => {
  const { socket, got } = await pair();
  packet(socket, 'last', 'words');
  socket.end();
  await vi.waitFor(() => expect(Buffer.concat(got).toString()).toBe('lastwords'));
  const other = await pair();
  packet(other.socket, 'lost', 'words');
  other.socket.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  expect(other.writes).toEqual([]);
});
