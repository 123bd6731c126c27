import { MULTIPART, type SbiExchange } from '../../../src/sbi/index.ts';
import { type At, Descriptions, isNode, node } from './descriptions.ts';

export interface Verdict {
  /** Exchanges that were checked, as `METHOD /path/{…} status`. */
  checked: Set<string>;
  /** Requests that no description knows. */
  unknown: Set<string>;
  faults: string[];
}

/** Notification addresses that a description names without saying where they are. */
const NAMED: Readonly<Record<string, string>> = {
  '{eventNotificationUri}': '{$request.body#/subscription/eventNotifyUri}',
};

/** Holds exchanges between network functions against the 3GPP descriptions, notifications included. */
export class ExchangeChecker {
  readonly #descriptions = new Descriptions();
  /** Path items of notifications by the URL that a consumer asked for. */
  readonly #callbacks = new Map<string, At>();
  readonly verdict: Verdict = { checked: new Set(), unknown: new Set(), faults: [] };

  async take(exchange: SbiExchange): Promise<void> {
    const { method, path, base, status } = exchange;
    const item = this.#descriptions.pathItem(path) ?? this.#callback(`${base}${path}`);
    const name = `${method} ${path}`;
    if (item === undefined) {
      this.verdict.unknown.add(name);
      return;
    }
    const operation = this.#descriptions.step(item, method.toLowerCase());
    const template = decodeURIComponent(item.pointer.split('/').at(-1) ?? '').replaceAll('~1', '/');
    this.verdict.checked.add(`${item.file} ${method} ${template} ${status}`);
    const fault = (text: string) => this.verdict.faults.push(`${name} ${status} [${item.file}]: ${text}`);
    if (Object.keys(operation.value).length === 0) {
      if (status !== 405) fault('the description has no such method');
      return;
    }
    // What was sent badly on purpose is judged by its answer alone.
    if (status < 400) {
      await this.#query(item, operation, exchange, fault);
      await this.#request(operation, exchange, fault);
      this.#remember(operation, exchange);
    }
    await this.#answer(operation, exchange, fault);
  }

  async #query(item: At, operation: At, { query = {} }: SbiExchange, fault: (text: string) => void) {
    const parameters = [item, operation].flatMap((at) => {
      const list = Array.isArray(at.value.parameters) ? at.value.parameters : [];
      return list.map((value, n) =>
        this.#descriptions.resolve({
          file: at.file,
          pointer: `${at.pointer}/parameters/${n}`,
          value: node(value),
        }),
      );
    });
    const inQuery = parameters.filter(({ value }) => value.in === 'query');
    for (const at of inQuery) {
      const name = String(at.value.name);
      const text = query[name];
      if (text === undefined) {
        if (at.value.required === true) fault(`query parameter ${name} is missing`);
        continue;
      }
      const json = isNode(at.value.content);
      const schema = json
        ? this.#descriptions.step(at, 'content', 'application/json', 'schema')
        : this.#descriptions.step(at, 'schema');
      const value = json ? JSON.parse(text) : fromText(text, schema.value);
      for (const problem of await this.#descriptions.problems(schema, value)) fault(`?${name}: ${problem}`);
    }
    for (const name of Object.keys(query)) {
      if (!inQuery.some(({ value }) => value.name === name))
        fault(`query parameter ${name} is not described`);
    }
  }

  async #request(operation: At, { body, contentType }: SbiExchange, fault: (text: string) => void) {
    const described = this.#descriptions.step(operation, 'requestBody');
    if (body === undefined) {
      if (described.value.required === true) fault('the request has no body');
      return;
    }
    const content = node(described.value.content);
    if (!(contentType in content)) {
      if (Object.keys(content).length > 0) fault(`the request is not described as ${contentType}`);
      return;
    }
    const whole = this.#descriptions.step(described, 'content', contentType, 'schema');
    const schema =
      contentType === MULTIPART ? this.#descriptions.step(whole, 'properties', 'jsonData') : whole;
    // What is undefined is not sent.
    const sent =
      typeof body === 'string'
        ? Object.fromEntries(new URLSearchParams(body))
        : JSON.parse(JSON.stringify(body));
    for (const problem of await this.#descriptions.problems(schema, sent, 'request'))
      fault(`request: ${problem}`);
  }

  async #answer(operation: At, { status, reply, headers }: SbiExchange, fault: (text: string) => void) {
    const responses = node(operation.value.responses);
    const code = [String(status), 'default'].find((one) => one in responses);
    if (code === undefined) return fault('the description has no such status');
    const response = this.#descriptions.step(operation, 'responses', code);
    const type = (headers['content-type'] ?? '').split(';')[0] ?? '';
    const content = node(response.value.content);
    for (const [name, header] of Object.entries(node(response.value.headers))) {
      if (node(header).required === true && headers[name.toLowerCase()] === undefined) {
        fault(`the header ${name} is missing`);
      }
    }
    if (reply === null) {
      if (status < 300 && status !== 204 && Object.keys(content).length > 0) fault('the answer has no body');
      return;
    }
    if (status >= 400) {
      const problem = {
        file: 'TS29571_CommonData.yaml',
        pointer: '/components/schemas/ProblemDetails',
        value: {},
      };
      if (type === 'application/json') return;
      if (type !== 'application/problem+json') fault(`an error comes as ${type}`);
      for (const text of await this.#descriptions.problems(problem, reply)) fault(`problem: ${text}`);
      return;
    }
    if (!(type in content)) {
      fault(`the answer is not described as ${type || 'anything'}`);
      return;
    }
    const schema = this.#descriptions.step(response, 'content', type, 'schema');
    for (const problem of await this.#descriptions.problems(schema, reply)) fault(`answer: ${problem}`);
  }

  #remember(operation: At, { body, reply }: SbiExchange): void {
    for (const [name, callback] of Object.entries(node(operation.value.callbacks))) {
      for (const expression of Object.keys(node(callback))) {
        const url = (NAMED[expression] ?? expression).replace(
          /\{\$?(request|response)\.body#([^}]*)\}/g,
          (_, side, pointer) => String(pick(side === 'request' ? body : reply, pointer)),
        );
        const item = this.#descriptions.step(operation, 'callbacks', name, expression);
        // A description may write the apostrophes of YAML around a part of it.
        this.#callbacks.set(url.replaceAll("'", ''), item);
      }
    }
  }

  #callback(url: string): At | undefined {
    return this.#callbacks.get(url);
  }
}

function pick(value: unknown, pointer: string): unknown {
  let here: unknown = value;
  for (const part of pointer.split('/').slice(1))
    here = (here as Record<string, unknown> | undefined)?.[part];
  return here;
}

function fromText(text: string, schema: Record<string, unknown>): unknown {
  if (schema.type === 'array') {
    const items = node(schema.items);
    return text.split(',').map((one) => fromText(one, items));
  }
  if (schema.type === 'integer' || schema.type === 'number') return Number(text);
  if (schema.type === 'boolean') return text === 'true';
  return text;
}
