/** The part of `oidc-provider` 9.13 that we use; the package brings no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface OidcClient {
    clientId: string;
    clientName?: string;
    redirectUris?: string[];
    grantTypeAllowed(grant: string): boolean;
  }
  export interface OidcContext {
    path: string;
    body: unknown;
    status: number;
    type: string;
    oidc: {
      client: OidcClient;
      params: Record<string, string | string[] | undefined>;
      route: string;
      result?: { consent?: { grantId?: string } };
      session: { grantIdFor(clientId: string): string | undefined };
      provider: Provider;
    };
  }
  export interface ResourceServerInfo {
    scope: string;
    audience?: string;
    accessTokenTTL?: number;
    accessTokenFormat?: 'jwt' | 'opaque';
    jwt?: { sign: { alg: string; kid?: string } };
  }
  export interface Grant {
    addResourceScope(resource: string, scope: string): void;
    rejectResourceScope(resource: string, scope: string): void;
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
  }
  export interface InteractionDetails {
    uid: string;
    jti: string;
    prompt: {
      name: string;
      details: { missingResourceScopes?: Record<string, string[]> };
    };
    params: Record<string, string | undefined>;
    session?: { accountId: string };
    grantId?: string;
  }
  export interface AccessToken {
    scope: string | undefined;
    resourceServer: unknown;
    expiration: number;
    save(): Promise<string>;
  }
  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    proxy: boolean;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    on(event: string, listener: (...args: never[]) => void): this;
    registerGrantType(name: string, handler: (ctx: OidcContext) => Promise<void>, parameters: string[]): void;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<InteractionDetails>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: Record<string, unknown>,
      options: { mergeWithLastSubmission: boolean },
    ): Promise<void>;
    AccessToken: new (
      values: Record<string, unknown>,
    ) => AccessToken;
    ResourceServer: new (
      identifier: string,
      info: ResourceServerInfo,
    ) => unknown;
    Grant: {
      new (values: { accountId: string; clientId: string }): Grant;
      find(id: string): Promise<Grant | undefined>;
    };
    Client: {
      find(id: string): Promise<OidcClient | undefined>;
      prototype: { compareClientSecret(this: OidcClient, actual: string): boolean | Promise<boolean> };
    };
  }
  type ErrorClass = new (description?: string) => Error;
  export const errors: {
    InvalidTarget: ErrorClass;
    InvalidGrant: ErrorClass;
    InvalidRequest: ErrorClass;
    InvalidScope: ErrorClass;
  };
  export default Provider;
}
