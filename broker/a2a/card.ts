import { type AgentCapabilities, AgentCard, type AgentExtension, type AgentSkill } from '@a2a-js/sdk';
import { poolExtension } from './pools/extension.ts';
import { type AgentId, agentKey, requestTopic } from './topics.ts';

/** Name of this binding in an agent card (the one that the profile's reference SDK uses). */
export const BINDING = 'MQTTv5+JSONRPCv2';
export const BINDING_VERSION = '1.0';

export interface CardOptions {
  id: AgentId | string;
  name: string;
  description: string;
  version: string;
  skills: ReadonlyArray<Pick<AgentSkill, 'id' | 'name' | 'description'> & Partial<AgentSkill>>;
  /** `mqtt://host:port` of the bus. */
  mqttUrl: string;
  /** The agent tells webhooks of its tasks. */
  pushNotifications?: boolean;
  /** Pools of the agent's own unit that it serves. */
  pools?: readonly string[];
  /** JSON-RPC endpoint over HTTP, if the agent has one. */
  httpUrl?: string;
}

/** The card of an agent that streams, with its MQTT interface first. @throws BUS_ID_INVALID */
export function agentCard(options: CardOptions): AgentCard {
  const { httpUrl } = options;
  const modes = ['text/plain', 'application/json'];
  const at = (url: string, protocolBinding: string) => ({
    url,
    protocolBinding,
    protocolVersion: BINDING_VERSION,
    tenant: '',
  });
  return {
    name: options.name,
    description: options.description,
    version: options.version,
    supportedInterfaces: [
      at(`${options.mqttUrl}/${requestTopic(agentKey(options.id))}`, BINDING),
      ...(httpUrl === undefined ? [] : [at(httpUrl, 'JSONRPC')]),
    ],
    provider: undefined,
    capabilities: {
      streaming: true,
      pushNotifications: options.pushNotifications ?? false,
      extendedAgentCard: false,
      extensions:
        options.pools === undefined || options.pools.length === 0 ? [] : [poolExtension(options.pools)],
    },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: modes,
    defaultOutputModes: modes,
    skills: options.skills.map((skill) => ({
      tags: [],
      examples: [],
      inputModes: [],
      outputModes: [],
      securityRequirements: [],
      ...skill,
    })),
    signatures: [],
  };
}

/** A card as it goes on the wire: what A2A requires is there also where it is empty (A2A 1.0, 8.4.1). */
export function cardJson(card: AgentCard): Record<string, unknown> {
  const required = { capabilities: {}, defaultInputModes: [], defaultOutputModes: [], skills: [] };
  return { ...required, ...(AgentCard.toJSON(card) as Record<string, unknown>) };
}

/** The card with one more extension, or another in place of one of the same URI. */
export function withExtension(card: AgentCard, extension: AgentExtension): AgentCard {
  const { capabilities } = card;
  const others = (capabilities?.extensions ?? []).filter(({ uri }) => uri !== extension.uri);
  return {
    ...card,
    capabilities: { ...(capabilities as AgentCapabilities), extensions: [...others, extension] },
  };
}
