import { assign, setup } from 'xstate';
import { z } from 'zod';

/** What one side of a connection can do beyond plain MCP (NetMCP 1). */
export const offerSchema = z.object({
  /** The version that this side prefers, or, in an answer, the one it chose. */
  version: z.string().max(16).optional(),
  versions: z.array(z.string().max(16)).max(16).optional(),
  features: z.array(z.string().max(32)).max(32).default([]),
});
export type Offer = z.infer<typeof offerSchema>;

export type Agreement =
  | { mode: 'netmcp'; version: string; features: string[]; reason: null }
  | { mode: 'mcp'; version: null; features: []; reason: string };

const plain = (reason: string): Agreement => ({ mode: 'mcp', version: null, features: [], reason });

/** NetMCP 1: the first of our versions that the peer knows; features that both named; else plain MCP. */
export function agree(ours: Offer, peer: unknown): Agreement {
  if (peer === undefined || peer === null) return plain('the peer speaks plain MCP');
  const read = offerSchema.safeParse(peer);
  if (!read.success) return plain('the peer sent a malformed NetMCP offer');
  const theirs = versionsOf(read.data);
  const version = versionsOf(ours).find((candidate) => theirs.includes(candidate));
  if (version === undefined) {
    return plain(
      `no common NetMCP version: ours ${versionsOf(ours).join(', ')}, the peer's ${theirs.join(', ') || 'none'}`,
    );
  }
  const features = ours.features.filter((feature) => read.data.features.includes(feature));
  return { mode: 'netmcp', version, features, reason: null };
}

function versionsOf(offer: Offer): string[] {
  return [...new Set([...(offer.version === undefined ? [] : [offer.version]), ...(offer.versions ?? [])])];
}

interface Context {
  ours: Offer;
  peer: unknown;
  heard: boolean;
  agreement: Agreement;
  ignored: number;
}

/**
 * Capability negotiation, the same for both sides: hear the peer's `extensions` entry, find what is
 * common, and fall back to plain MCP with a reason that can be shown.
 */
export const negotiationMachine = setup({
  types: {
    context: {} as Context,
    events: {} as
      | { type: 'PEER_SPOKE'; peer: unknown }
      | { type: 'ABANDON' }
      /** A request before `initialize`: it changes nothing and is counted. */
      | { type: 'EARLY' },
    input: {} as { ours: Offer; peer?: unknown; heard?: boolean },
    output: {} as Agreement,
  },
  guards: {
    heard: ({ context }) => context.heard,
    agreed: ({ context }) => context.agreement.mode === 'netmcp',
  },
  actions: {
    hear: assign({
      heard: true,
      peer: (_, params: { peer: unknown }) => params.peer,
    }),
    compare: assign({ agreement: ({ context }) => agree(context.ours, context.peer) }),
    giveUp: assign({ agreement: (_, params: { reason: string }) => plain(params.reason) }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  delays: { answerTimeout: 10_000 },
}).createMachine({
  id: 'negotiation',
  description: 'Finds out whether both sides speak NetMCP, in which version, with which features.',
  context: ({ input }) => ({
    ours: input.ours,
    peer: input.peer,
    heard: input.heard ?? false,
    agreement: plain('not negotiated yet'),
    ignored: 0,
  }),
  output: ({ context }) => context.agreement,
  initial: 'waiting',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    waiting: {
      description: 'Waits for the capabilities of the peer, which come with `initialize` or its answer.',
      always: { target: 'deciding', guard: 'heard' },
      on: {
        PEER_SPOKE: {
          target: 'deciding',
          actions: { type: 'hear', params: ({ event }) => ({ peer: event.peer }) },
        },
        ABANDON: {
          target: 'mcp',
          actions: { type: 'giveUp', params: { reason: 'the negotiation was abandoned' } },
        },
      },
      after: {
        answerTimeout: {
          target: 'mcp',
          actions: { type: 'giveUp', params: { reason: 'the peer did not answer in time' } },
        },
      },
    },
    deciding: {
      description: 'Compares versions and features.',
      entry: 'compare',
      always: [{ target: 'netmcp', guard: 'agreed' }, { target: 'mcp' }],
    },
    netmcp: { type: 'final', description: 'Both speak NetMCP: version and features are agreed.' },
    mcp: { type: 'final', description: 'Plain MCP, with the reason.' },
  },
  options: { maxIterations: 1000 },
});
