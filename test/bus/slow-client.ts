import { connect, type Socket } from 'node:net';
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet';

export interface SlowClient {
  /** Messages that came, in order. */
  got: IPublishPacket[];
  /** Every packet id in use by a message without an acknowledgement, oldest first. */
  open: number[];
  /** Acknowledges the oldest message. */
  acknowledge(): void;
  /** Stops reading; the socket fills up. */
  freeze(): void;
  /** Ends when the broker has closed the connection. */
  closed: Promise<void>;
  end(): void;
}

interface Options {
  port: number;
  clientId: string;
  filter: string;
  receiveMaximum?: number;
  sessionExpiryInterval?: number;
}

/** An MQTT client that decides itself when to acknowledge and when to read, which no library lets it. */
export async function slowClient({ port, clientId, filter, ...properties }: Options): Promise<SlowClient> {
  const socket: Socket = connect(port, '127.0.0.1');
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  const send = (packet: Packet) => socket.write(mqttPacket.generate(packet, { protocolVersion: 5 }));
  const got: IPublishPacket[] = [];
  const open: number[] = [];
  const subscribed = Promise.withResolvers<void>();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => parser.parse(bytes));
  parser.on('packet', (packet: Packet) => {
    if (packet.cmd === 'connack') {
      const subscriptions = [{ topic: filter, qos: 1 as const, nl: false, rap: true, rh: 0 }];
      send({ cmd: 'subscribe', messageId: 1, subscriptions });
    } else if (packet.cmd === 'suback') subscribed.resolve();
    else if (packet.cmd === 'publish') {
      got.push(packet);
      if (packet.messageId !== undefined && packet.qos > 0) open.push(packet.messageId);
    }
  });
  send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId,
    clean: properties.sessionExpiryInterval === undefined,
    keepalive: 0,
    properties,
  });
  await subscribed.promise;
  return {
    got,
    open,
    acknowledge() {
      send({ cmd: 'puback', messageId: open.shift() as number, reasonCode: 0 });
    },
    freeze: () => void socket.pause(),
    closed,
    end: () => void socket.destroy(),
  };
}
