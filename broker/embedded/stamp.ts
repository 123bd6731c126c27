import type { AedesPublishPacket, PublishPacket } from 'aedes';
import { PROPERTY, readProperties } from '../a2a/properties.ts';
import { parseAgentId } from '../a2a/topics.ts';
import type { Member } from './identity.ts';

/** Writes who asks over whatever was sent; a dispatcher says for whom it asks. */
export function stamp(packet: PublishPacket, { role, key }: Member): void {
  const sent = readProperties(packet.properties?.userProperties)[PROPERTY.clientId];
  const asker = role === 'dispatcher' && sent !== undefined && parseAgentId(sent) !== null ? sent : key;
  const kept = Object.entries(packet.properties?.userProperties ?? {}).filter(
    ([name]) => name.toLowerCase() !== PROPERTY.clientId,
  );
  packet.properties = {
    ...packet.properties,
    userProperties: { ...Object.fromEntries(kept), [PROPERTY.clientId]: asker },
  };
}

/** Payload, topic and an allowance for the properties; the exact size is known only after encoding. */
export function sizeOf({ topic, payload, properties }: AedesPublishPacket): number {
  const text = properties === undefined ? 0 : JSON.stringify(properties).length;
  return Buffer.byteLength(payload) + Buffer.byteLength(topic) + text + 16;
}
