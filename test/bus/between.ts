import { type Client, ClientFactory } from '@a2a-js/sdk/client';
import type { AgentExecutor } from '@a2a-js/sdk/server';
import { onTestFinished } from 'vitest';
import { mqttTransportFactory } from '../../broker/a2a/client-transport.ts';
import { Exchange, PROFILE_TIMERS } from '../../broker/a2a/exchange.ts';
import type { Link, Message, Outgoing } from '../../broker/a2a/link.ts';
import { Routes } from '../../broker/a2a/pools/routes.ts';
import { Responder } from '../../broker/a2a/responder.ts';
import type { Ubsp } from '../../broker/a2a/security/ubsp.ts';
import { TaskService } from '../../broker/a2a/tasks/service.ts';
import { agentCard, memoryLedger } from '../../broker/index.ts';
import { env } from './support.ts';

export const AGENT = 'org/unit/agent';
export const ASKER = 'org/unit/asker';

/** What a broker does to a message that it carries: as it is, changed, several, none. */
export type Hand = (message: Outgoing) => Outgoing | Outgoing[] | Promise<Outgoing | Outgoing[]>;

export interface Between {
  executor: AgentExecutor;
  request?: Hand;
  reply?: Hand;
  /** Of the requester and of the agent. */
  ubsp?: readonly [Ubsp, Ubsp];
  binaryArtifacts?: boolean;
}

/** Requester and agent with nothing between them but the hands of a broker. */
export function between({ executor, request, reply, ubsp, binaryArtifacts }: Between) {
  const asIs: Hand = (message) => message;
  const carry = (hand: Hand, to: () => { receive(message: Message): void }): Link => {
    let queue = Promise.resolve();
    return {
      isPrivate: true,
      publish: (message) => {
        queue = queue.then(async () => {
          for (const { payload, properties = {}, topic } of [await hand(message)].flat()) {
            to().receive({ topic, payload: Buffer.from(payload as string), properties });
          }
        });
        return queue;
      },
      subscribe: async () => undefined,
      onMessage: () => undefined,
      onState: () => undefined,
      end: async () => undefined,
    };
  };
  const card = agentCard({
    id: AGENT,
    name: 'agent',
    description: 'For tests.',
    version: '1.0.0',
    skills: [],
    mqttUrl: 'mqtt://127.0.0.1',
  });
  const responder: Responder = new Responder({
    env,
    link: carry(reply ?? asIs, () => exchange),
    service: new TaskService({ env, card: () => card, executor, ledger: memoryLedger() }),
    ubsp: ubsp?.[1],
  });
  const exchange: Exchange = new Exchange({
    env,
    link: carry(request ?? asIs, () => responder),
    replyTopic: `$a2a/v1/reply/${ASKER}/1`,
    timers: { ...PROFILE_TIMERS, firstReplyTimeoutMs: 1_000, streamIdleTimeoutMs: 20, backoffMs: [1] },
    ubsp: ubsp?.[0],
  });
  const options = { exchange, ids: env.ids, routes: new Routes(() => false), binaryArtifacts };
  const client: Promise<Client> = new ClientFactory({
    transports: [mqttTransportFactory(options)],
  }).createFromAgentCard(card);
  onTestFinished(() => exchange.close());
  return { client, exchange };
}
