import type { FunctionContext } from '../functions.ts';

/** The protocols that the DSL calls by a name of its own (1.0.3, "Call"). */
export const PROTOCOLS = ['http', 'openapi', 'grpc', 'asyncapi', 'mcp', 'a2a'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/**
 * Keys of `with` whose values a handler is given as the document writes them: credentials are
 * filled in where they are used, and the expressions of a subscription are for each message. What a call sends may
 * have the same keys and is evaluated whole: `fillArguments` knows.
 */
export const UNEVALUATED: ReadonlySet<string> = new Set(['authentication', 'subscription']);

export interface CallContext extends FunctionContext {
  /** The task's transformed input: what URI templates (`{name}`) read. */
  input: unknown;
  /** `use.authentications` of the document, by name, expressions not yet evaluated. */
  authentications: Readonly<Record<string, unknown>>;
  /** Evaluates every `${ }` of a value in the task's scope, `$secrets` included. */
  fill(value: unknown): Promise<unknown>;
  /** Evaluates one expression, with or without `${ }`, on other data, with the variables of the task's scope. */
  evaluate(expression: string, data: unknown): Promise<unknown>;
  /** Value of a secret. @throws RaisedError `authorization` 403 if it is missing or not allowed */
  secret(name: string): unknown;
  /** Tells the task's `$authorization`: scheme and parameter of the credentials in use. */
  authorized(scheme: string, parameter: string): void;
  /** A piece of progress of a long call. */
  progress(text: string, data?: unknown): void;
}

/**
 * Performs one call; `with` has its expressions evaluated, except below the keys of `UNEVALUATED`, which the
 * handler fills itself. Gives the task's raw output.
 * @throws RaisedError of a standard type (`standardError`)
 */
export type CallHandler = (args: Record<string, unknown>, context: CallContext) => Promise<unknown>;

export type CallHandlers = Readonly<Record<Protocol, CallHandler>>;

/** In whose name an external resource is read beside a call; what is left out is not there. */
export type ReadScope = Partial<Pick<CallContext, 'input' | 'authentications' | 'fill' | 'secret'>>;
