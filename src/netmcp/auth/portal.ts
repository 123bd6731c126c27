import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InteractionDetails, Provider } from 'oidc-provider';
import type { Clock, Log } from '../../../machines/ports.ts';
import { readBody } from './body.ts';
import { type Resources, scopesFor, type TrustedClient } from './directory.ts';
import { consentPage, errorPage, loginPage } from './pages.ts';
import type { Passwords } from './provider.ts';

export interface PortalOptions {
  clock: Clock;
  log: Log;
  issuer: string;
  secret: Buffer;
  passwords: Passwords;
  resources: Resources;
  clients: ReadonlyMap<string, TrustedClient>;
}

/** Failures of one name within the window until it must wait. */
const MAX_FAILURES = 10;
const WINDOW_MS = 900_000;
const MAX_NAMES = 10_000;

/**
 * The portal: a person signs in and decides what a third party may do. A form is taken only with the cookie
 * of its own interaction, a token bound to that interaction, and our own origin.
 */
export function createPortal(options: PortalOptions) {
  const { clock, log, secret, passwords, resources, clients } = options;
  const origin = new URL(options.issuer).origin;
  const failures = new Map<string, { count: number; until: number }>();

  /** Answers `/interaction/...`. False: the path is none of the portal's. */
  async function handle(
    provider: Provider,
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ): Promise<boolean> {
    const [, uid, step] = /^\/interaction\/([\w-]{1,64})(?:\/(login|consent|abort))?$/.exec(path) ?? [];
    if (uid === undefined) return false;
    let details: InteractionDetails;
    try {
      details = await provider.interactionDetails(request, response);
    } catch {
      send(response, 400, errorPage('This request is over or was not begun in this browser.'));
      return true;
    }
    if (details.uid !== uid) {
      send(response, 400, errorPage('This request was not begun in this browser.'));
      return true;
    }
    if (request.method === 'GET' && step === undefined) {
      await show(provider, response, details, null);
      return true;
    }
    if (request.method !== 'POST' || step === undefined) {
      send(response, 405, errorPage('This is not done so.'));
      return true;
    }
    const form = new URLSearchParams((await readBody(request, 8_192)) ?? '');
    if (request.headers.origin !== origin || !equal(form.get('csrf') ?? '', csrfOf(details))) {
      log.warn({ step }, 'portal: a forged form was refused');
      send(response, 403, errorPage('This form did not come from this portal.'));
      return true;
    }
    if (step === 'abort') await refuse(provider, request, response);
    else if (step === 'login' && details.prompt.name === 'login')
      await login(provider, request, response, details, form);
    else if (step === 'consent' && details.prompt.name === 'consent')
      await consent(provider, request, response, details, form);
    else send(response, 400, errorPage('This step is over.'));
    return true;
  }

  async function show(
    provider: Provider,
    response: ServerResponse,
    details: InteractionDetails,
    error: string | null,
  ): Promise<void> {
    const { uid, params } = details;
    const client = await provider.Client.find(params.client_id ?? '');
    const common = { uid, csrf: csrfOf(details), client: client?.clientName ?? params.client_id ?? '' };
    const redirect = URL.parse(params.redirect_uri ?? '');
    if (details.prompt.name === 'login') {
      return send(response, error === null ? 200 : 401, loginPage({ ...common, error }), redirect);
    }
    const view = {
      ...common,
      clientId: params.client_id ?? '',
      redirect: params.redirect_uri ?? '',
      resource: params.resource ?? '',
      scopes: askedOf(details),
      user: details.session?.accountId ?? '',
    };
    send(response, 200, consentPage(view), redirect);
  }

  async function login(
    provider: Provider,
    request: IncomingMessage,
    response: ServerResponse,
    details: InteractionDetails,
    form: URLSearchParams,
  ): Promise<void> {
    const name = (form.get('name') ?? '').slice(0, 128);
    const bad = 'The name or the password is wrong, or there were too many attempts.';
    const before = failures.get(name);
    const held = before !== undefined && before.until > clock.now() && before.count >= MAX_FAILURES;
    // A trusted client is no person: its secret opens no portal.
    const good = !held && !clients.has(name) && (await passwords.verify(name, form.get('password') ?? ''));
    if (!good) {
      log.warn({ name, held }, 'portal: sign-in refused');
      const fresh = before === undefined || before.until <= clock.now();
      failures.delete(name);
      failures.set(name, {
        count: fresh ? 1 : before.count + 1,
        until: fresh ? clock.now() + WINDOW_MS : before.until,
      });
      if (failures.size > MAX_NAMES) failures.delete(failures.keys().next().value as string);
      return show(provider, response, details, bad);
    }
    failures.delete(name);
    await provider.interactionFinished(
      request,
      response,
      { login: { accountId: name } },
      { mergeWithLastSubmission: false },
    );
  }

  async function consent(
    provider: Provider,
    request: IncomingMessage,
    response: ServerResponse,
    details: InteractionDetails,
    form: URLSearchParams,
  ): Promise<void> {
    const { params, session } = details;
    const chosen = new Set(form.getAll('scope'));
    const asked = askedOf(details);
    if (session === undefined || !asked.some((scope) => chosen.has(scope))) {
      return refuse(provider, request, response);
    }
    const grant =
      (details.grantId === undefined ? undefined : await provider.Grant.find(details.grantId)) ??
      new provider.Grant({ accountId: session.accountId, clientId: params.client_id ?? '' });
    for (const scope of asked) {
      if (chosen.has(scope)) grant.addResourceScope(params.resource ?? '', scope);
      else grant.rejectResourceScope(params.resource ?? '', scope);
    }
    if (params.scope?.split(' ').includes('openid')) grant.addOIDCScope('openid');
    const grantId = await grant.save();
    log.info(
      { user: session.accountId, client: params.client_id, scopes: [...chosen] },
      'portal: consent given',
    );
    await provider.interactionFinished(
      request,
      response,
      { consent: { grantId } },
      { mergeWithLastSubmission: true },
    );
  }

  const refuse = (provider: Provider, request: IncomingMessage, response: ServerResponse) =>
    provider.interactionFinished(
      request,
      response,
      { error: 'access_denied', error_description: 'refused by the user' },
      { mergeWithLastSubmission: false },
    );

  function askedOf({ params }: InteractionDetails): string[] {
    const resource = resources.get(params.resource ?? '');
    if (resource === undefined) return [];
    const possible = scopesFor(resource, params.client_id ?? '', clients);
    return (params.scope ?? '').split(' ').filter((scope) => possible.includes(scope));
  }

  function csrfOf({ uid, prompt }: InteractionDetails): string {
    return createHmac('sha256', secret).update(`csrf\n${uid}\n${prompt.name}`).digest('base64url');
  }

  return { handle };
}

function equal(given: string, known: string): boolean {
  return given.length === known.length && timingSafeEqual(Buffer.from(given), Buffer.from(known));
}

/** `redirect`: where the answer goes; a browser holds the target of a form to `form-action`, redirects included. */
function send(response: ServerResponse, status: number, html: string, redirect: URL | null = null): void {
  const target =
    redirect === null ? '' : redirect.origin === 'null' ? ` ${redirect.protocol}` : ` ${redirect.origin}`;
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'unsafe-inline'; form-action 'self'${target}; frame-ancestors 'none'; base-uri 'none'`,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
  response.end(html);
}
