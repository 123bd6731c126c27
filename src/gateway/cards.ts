import { createHash } from 'node:crypto';
import { AgentCard, type AgentInterface, type SecurityScheme } from '@a2a-js/sdk';
import type { Request, Response } from 'express';
import { BINDING } from '../../broker/index.ts';

const V1 = '1.0';
const V03 = '0.3';

export interface Served {
  /** Where the agent's paths begin. */
  base: string;
  /** `host:port`, if this agent is served over gRPC. */
  grpc?: string | undefined;
  /** Callers show who they are with a bearer token of the gateway's. */
  bearer: boolean;
  /** The agent gets the caller's credentials. */
  forwards: boolean;
}

/**
 * The card of an agent of the bus as HTTP clients see it: the gateway's addresses first, those on the bus
 * after them. Without signatures, because the agent signed other addresses.
 */
export function httpCard(card: AgentCard, { base, grpc, bearer, forwards }: Served): AgentCard {
  const onBus = card.supportedInterfaces.filter(({ protocolBinding }) => protocolBinding === BINDING);
  const tenant = onBus[0]?.tenant ?? '';
  const at = (protocolBinding: string, protocolVersion: string, url: string): AgentInterface => ({
    url,
    protocolBinding,
    protocolVersion,
    tenant,
  });
  const schemes: Pick<AgentCard, 'securitySchemes' | 'securityRequirements'> = forwards
    ? card
    : bearer
      ? GATEWAY_BEARER
      : { securitySchemes: {}, securityRequirements: [] };
  return {
    ...card,
    supportedInterfaces: [
      at('JSONRPC', V1, `${base}/a2a`),
      at('HTTP+JSON', V1, `${base}/v1`),
      ...(grpc === undefined ? [] : [at('GRPC', V1, grpc)]),
      at('JSONRPC', V03, `${base}/a2a`),
      at('HTTP+JSON', V03, `${base}/v1`),
      ...onBus,
    ],
    securitySchemes: schemes.securitySchemes,
    securityRequirements: schemes.securityRequirements,
    signatures: [],
  };
}

const GATEWAY_BEARER: Pick<AgentCard, 'securitySchemes' | 'securityRequirements'> = {
  securitySchemes: {
    gateway: {
      scheme: {
        $case: 'httpAuthSecurityScheme',
        value: { description: 'A token of the gateway.', scheme: 'bearer', bearerFormat: '' },
      },
    },
  },
  securityRequirements: [{ schemes: { gateway: { list: [] } } }],
};

/** The card on the wire; lists that A2A requires stand there even when they are empty. */
function toWire(card: AgentCard): Record<string, unknown> {
  return {
    defaultInputModes: [],
    defaultOutputModes: [],
    skills: [],
    capabilities: {},
    ...(AgentCard.toJSON(card) as Record<string, unknown>),
  };
}

/** The same card for readers of version 0.3 too: its fields stand beside those of 1.0. */
function toLegacyWire(card: AgentCard): Record<string, unknown> {
  const wire = toWire(card);
  const [main, ...others] = card.supportedInterfaces
    .filter(({ protocolVersion }) => protocolVersion === V03)
    .map(({ url, protocolBinding }) => ({ url, transport: protocolBinding }));
  const skills = (wire.skills as Array<Record<string, unknown>>).map((skill) => ({ tags: [], ...skill }));
  return {
    ...wire,
    skills,
    protocolVersion: V03,
    url: main?.url,
    preferredTransport: main?.transport,
    additionalInterfaces: others,
    supportsAuthenticatedExtendedCard: card.capabilities?.extendedAgentCard === true,
    securitySchemes: Object.fromEntries(
      Object.entries(card.securitySchemes).map(([name, scheme]) => [
        name,
        { ...((wire.securitySchemes as Record<string, object>)[name] ?? {}), ...legacyScheme(scheme) },
      ]),
    ),
    security: card.securityRequirements.map(({ schemes }) =>
      Object.fromEntries(Object.entries(schemes).map(([name, { list }]) => [name, list])),
    ),
  };
}

function legacyScheme({ scheme }: SecurityScheme): Record<string, unknown> {
  switch (scheme?.$case) {
    case 'apiKeySecurityScheme':
      return { type: 'apiKey', in: scheme.value.location, name: scheme.value.name };
    case 'httpAuthSecurityScheme':
      return { type: 'http', scheme: scheme.value.scheme };
    case 'openIdConnectSecurityScheme':
      return { type: 'openIdConnect', openIdConnectUrl: scheme.value.openIdConnectUrl };
    case 'mtlsSecurityScheme':
      return { type: 'mutualTLS' };
    case 'oauth2SecurityScheme': {
      const flows = scheme.value.flows?.flow;
      const name = flows?.$case;
      return { type: 'oauth2', flows: name === undefined ? {} : { [name]: flows?.value } };
    }
    default:
      return {};
  }
}

/** Answers with the card: ETag, Last-Modified and Cache-Control; 304 to whom has it (A2A 8.6). */
export function sendCard(request: Request, response: Response, card: AgentCard, since: number): void {
  const wanted = request.header('a2a-version') ?? '';
  const legacy = wanted === '' || wanted === V03;
  const body = JSON.stringify(legacy ? toLegacyWire(card) : toWire(card));
  response.set({
    ETag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
    'Last-Modified': new Date(since).toUTCString(),
    'Cache-Control': 'public, max-age=60',
    Vary: 'A2A-Version',
    'Content-Type': 'application/json',
  });
  if (isKnown(request, response)) response.status(304).end();
  else response.status(200).send(body);
}

/**
 * Not only `request.fresh` (express 5.3): that one takes the `no-cache` which `fetch` adds to a conditional
 * request for a wish to have the whole card again.
 */
function isKnown(request: Request, response: Response): boolean {
  const tags = (request.header('if-none-match') ?? '')
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(String(response.getHeader('ETag'))) || request.fresh;
}
