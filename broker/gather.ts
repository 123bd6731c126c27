import type { Socket } from 'node:net';

type Piece = { chunk: Buffer | string; encoding: BufferEncoding };
type Writing = Socket & {
  _write(bytes: Buffer, encoding: string, done: (error?: Error | null) => void): void;
  _writev: ((pieces: Piece[], done: (error?: Error | null) => void) => void) | null;
};

/** Packets after which a write does not wait for the end of the turn, so that the other side can begin. */
const MOST = 8;

/**
 * Has a socket write the packets of one turn of the event loop as one buffer, or as few. The encoder of MQTT writes each in
 * 20 to 50 pieces and lets go of it at the next tick; handed to the kernel so, they cost more than all else of
 * the packet.
 */
export function gather(socket: Socket): void {
  const writing = socket as Writing;
  const cork = socket.cork.bind(socket);
  let held = 0;
  let turn: NodeJS.Immediate | undefined;
  const letGo = () => {
    held = 0;
    clearImmediate(turn);
    socket.uncork();
  };
  socket.cork = () => {
    cork();
    held += 1;
    if (held === 1) {
      cork();
      turn = setImmediate(letGo);
    }
    if (held === MOST) process.nextTick(letGo);
  };
  writing._writev = (pieces, done) => writing._write(joined(pieces), 'buffer', done);
}

function joined(pieces: Piece[]): Buffer {
  let length = 0;
  for (const { chunk, encoding } of pieces) {
    length += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length;
  }
  const whole = Buffer.allocUnsafe(length);
  let at = 0;
  for (const { chunk, encoding } of pieces) {
    if (typeof chunk === 'string') at += whole.write(chunk, at, encoding);
    else {
      whole.set(chunk, at);
      at += chunk.length;
    }
  }
  return whole;
}
