import type { Env } from '../../../machines/ports.ts';
import { durationMs } from '../engine/duration.ts';
import { standardError } from '../fault.ts';
import { type Arguments, readArguments, readAs, subscriptionSchema } from './arguments.ts';
import { findPlace, type Place } from './asyncapi-place.ts';
import { scrubbed, upfront } from './auth/authenticator.ts';
import { type HttpTools, performHttp } from './http.ts';
import { isMap } from './media.ts';
import type { Message, MqttConnect, MqttLink } from './mqtt.ts';
import { headersOf, MAX_ANSWER } from './outgoing.ts';
import { descriptionOf, type Resources } from './resources.ts';
import type { CallContext, CallHandler } from './types.ts';

export interface AsyncapiTools extends HttpTools {
  env: Env;
  resources: Resources;
  connect: MqttConnect;
}

type Subscription = (typeof subscriptionSchema)['_output'];

/** Messages of one subscription; the output is kept whole. */
const MAX_MESSAGES = 10_000;

/**
 * `call: asyncapi` (DSL 1.0.3, "AsyncAPI Call"): a message is published and is the output; a subscription gives
 * the messages that it consumed, in order. `foreach` is the engine's.
 */
export function asyncapiCalls(tools: AsyncapiTools): CallHandler {
  return async (given, context) => {
    const args = readArguments('asyncapi', given);
    const subscription = args.message === undefined ? await subscriptionOf(args, context) : null;
    const document = descriptionOf(await tools.resources.read(args.document, context));
    const place = findPlace(document, args, context.input);
    if (place.carrier === 'http') {
      if (subscription !== null) {
        throw standardError('configuration', 'Over HTTP a message is published; a subscription needs MQTT');
      }
      return publishByHttp(place, args, tools, context);
    }
    const credentials = await tools.authenticate(args.authentication, context);
    try {
      const link = await tools.connect({
        ...place,
        clientId: `netagent-${tools.env.ids.uuid()}`,
        authorization: await upfront(credentials),
        signal: context.signal,
      });
      try {
        return subscription === null
          ? await publish(link, place, args.message ?? {}, context)
          : await consume(link, place, subscription, tools.env, context);
      } finally {
        await link.end();
      }
    } catch (error) {
      context.signal.throwIfAborted();
      throw scrubbed(error, credentials);
    }
  };
}

async function publish(
  link: MqttLink,
  place: Place,
  message: Message,
  { idempotencyKey }: CallContext,
): Promise<Message> {
  if (place.version === 4 && Object.keys(message.headers ?? {}).length > 0) {
    throw standardError('configuration', 'MQTT 3.1.1 carries no headers; the protocol mqtt5 does');
  }
  // Receivers tell a message that was sent again by a later life of its sender.
  const headers = { 'idempotency-key': idempotencyKey, ...message.headers };
  await link.publish(place.address, { ...message, headers }, place);
  return message;
}

async function publishByHttp(
  place: Place,
  { message = {}, authentication }: Arguments<'asyncapi'>,
  tools: AsyncapiTools,
  context: CallContext,
): Promise<Message> {
  const scheme = place.secure ? 'https' : 'http';
  await performHttp(
    {
      method: place.method,
      url: new URL(`${scheme}://${place.host}:${place.port}${place.address}`),
      headers: headersOf(message.headers),
      body: message.payload,
      output: 'raw',
      redirect: false,
      authentication,
    },
    tools,
    context,
  );
  return message;
}

/** Its expressions are for each message, except the numbers. */
async function subscriptionOf(
  { subscription }: Arguments<'asyncapi'>,
  context: CallContext,
): Promise<Subscription> {
  const given = isMap(subscription) ? subscription : {};
  const { amount, for: duration, ...expressions } = isMap(given.consume) ? given.consume : {};
  const numbers = (await context.fill({
    ...(amount !== undefined && { amount }),
    ...(duration !== undefined && { for: duration }),
  })) as object;
  return readAs(
    subscriptionSchema,
    { ...given, consume: { ...expressions, ...numbers } },
    'The subscription',
  );
}

/**
 * Consumes one message after the other. `amount` counts what the filter lets through; `while` is asked after a
 * message and keeps it, `until` before and leaves it out, as with `listen`.
 */
function consume(
  link: MqttLink,
  place: Place,
  { filter, consume: end }: Subscription,
  { clock }: Env,
  context: CallContext,
): Promise<Message[]> {
  const consumed: Message[] = [];
  const waiting: Message[] = [];
  let size = 0;
  let working = false;
  const holds = async (expression: string, message: Message) =>
    (await context.evaluate(expression, message)) === true;

  return new Promise((resolve, reject) => {
    let open = true;
    const timer = end.for === undefined ? undefined : clock.setTimeout(() => settle(), durationMs(end.for));
    const settle = (error?: unknown) => {
      if (!open) return;
      open = false;
      if (timer !== undefined) clock.clearTimeout(timer);
      if (error === undefined) resolve(consumed);
      else reject(error);
    };
    /** @returns whether that was the last one */
    const takeOne = async (message: Message): Promise<boolean> => {
      if (filter !== undefined && !(await holds(filter, message))) return false;
      if (end.until !== undefined && (await holds(end.until, message))) return true;
      if (!open) return true;
      consumed.push(message);
      size += JSON.stringify(message).length;
      if (consumed.length > MAX_MESSAGES || size > MAX_ANSWER) {
        throw standardError('communication', 'The subscription has brought more than can be kept', {
          status: 502,
          detail: `${MAX_MESSAGES} messages or ${MAX_ANSWER} bytes`,
        });
      }
      context.progress('message', { count: consumed.length });
      if (end.while !== undefined && !(await holds(end.while, message))) return true;
      return end.amount !== undefined && consumed.length >= end.amount;
    };
    const work = async () => {
      if (working) return;
      working = true;
      for (let next = waiting.shift(); next !== undefined && open; next = waiting.shift()) {
        if (await takeOne(next)) settle();
      }
      working = false;
    };
    link.lost.catch(settle);
    link
      .subscribe(place.address, place.qos, (message) => {
        if (!open) return;
        if (waiting.length >= MAX_MESSAGES) {
          settle(
            standardError('communication', 'Messages come faster than they can be taken', { status: 503 }),
          );
          return;
        }
        waiting.push(message);
        work().catch(settle);
      })
      .catch(settle);
  });
}
