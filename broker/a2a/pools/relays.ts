import type { Link, Message } from '../link.ts';
import { PROPERTY, readProperties } from '../properties.ts';
import { replyTopic, requestTopic } from '../topics.ts';
import type { PooledRequest } from './request.ts';

/** One request that is passed on; `path` is where its replies go, null when the dispatcher itself asks. */
export interface Relay {
  request: PooledRequest;
  path: { topic: string; correlation: Buffer } | null;
  /** Key of its task; null when it is about none that the dispatcher keeps. */
  task: string | null;
  /** Who has it now. */
  member: string | null;
  correlation: string | null;
}

export interface RelaysOptions {
  /** Id of the dispatcher. */
  key: string;
  link: Link;
  uuid: () => string;
  onProblem: (problem: unknown) => void;
}

/** Passes requests on to members under correlations of its own, and their replies back. */
export class Relays {
  readonly #options: RelaysOptions;
  readonly #replies: string;
  readonly #byCorrelation = new Map<string, Relay>();

  constructor(options: RelaysOptions) {
    this.#options = options;
    this.#replies = replyTopic(options.key, options.uuid());
  }

  /** Where members answer. */
  get topic(): string {
    return this.#replies;
  }

  get size(): number {
    return this.#byCorrelation.size;
  }

  /** Sends a request to a member; what the one before it still answers is heard no more. */
  forward(relay: Relay, member: string): void {
    this.drop(relay);
    const correlation = this.#options.uuid();
    relay.member = member;
    relay.correlation = correlation;
    this.#byCorrelation.set(correlation, relay);
    const { payload, contentType, userProperties } = relay.request;
    this.#options.link
      .publish({
        topic: requestTopic(member),
        payload,
        properties: {
          ...(contentType === undefined ? {} : { contentType }),
          payloadFormatIndicator: true,
          responseTopic: this.#replies,
          correlationData: Buffer.from(correlation, 'latin1'),
          userProperties,
        },
      })
      .catch(this.#options.onProblem);
  }

  /** The relay that a message on the reply topic answers. */
  find({ properties }: Message): Relay | undefined {
    return this.#byCorrelation.get(properties.correlationData?.toString('latin1') ?? '');
  }

  drop(relay: Relay): void {
    if (relay.correlation !== null) this.#byCorrelation.delete(relay.correlation);
    relay.correlation = null;
  }

  /** Relays that are about no kept task and wait for this member. */
  *looseAt(member: string): Generator<Relay> {
    for (const relay of [...this.#byCorrelation.values()]) {
      if (relay.task === null && relay.member === member) yield relay;
    }
  }

  /** Gives a reply to who asked, and says whose it is. */
  deliver({ path, member }: Relay, { payload, properties }: Message): void {
    if (path === null) return;
    const { contentType, payloadFormatIndicator } = properties;
    this.#options.link
      .publish({
        topic: path.topic,
        payload,
        properties: {
          ...(contentType === undefined ? {} : { contentType }),
          ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator }),
          correlationData: path.correlation,
          userProperties: {
            ...readProperties(properties.userProperties),
            ...(member === null ? {} : { [PROPERTY.responder]: member }),
          },
        },
      })
      .catch(this.#options.onProblem);
  }
}
