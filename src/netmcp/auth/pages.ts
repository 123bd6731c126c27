/** The pages of the portal: plain HTML, nothing from elsewhere, no script. */

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1b1f24}' +
  'label{display:block;margin:.6rem 0}input[type=text],input[type=password]{width:100%;padding:.4rem;font:inherit}' +
  'button{font:inherit;padding:.4rem 1rem;margin:.6rem .6rem 0 0}.error{color:#a40e26}code{word-break:break-all}';

export interface LoginPage {
  uid: string;
  csrf: string;
  client: string;
  error: string | null;
}

export interface ConsentPage {
  uid: string;
  csrf: string;
  client: string;
  clientId: string;
  redirect: string;
  resource: string;
  scopes: string[];
  user: string;
}

export function loginPage({ uid, csrf, client, error }: LoginPage): string {
  return page(
    'Sign in',
    `<p><b>${safe(client)}</b> asks for access to the network. Sign in to decide.</p>` +
      (error === null ? '' : `<p class="error" role="alert">${safe(error)}</p>`) +
      `<form method="post" action="/interaction/${safe(uid)}/login" autocomplete="off">${hidden(csrf)}` +
      '<label>Name <input type="text" name="name" maxlength="128" required autofocus></label>' +
      '<label>Password <input type="password" name="password" maxlength="1024" required></label>' +
      `<button>Sign in</button></form>${abortForm(uid, csrf)}`,
  );
}

export function consentPage(view: ConsentPage): string {
  const { uid, csrf } = view;
  const scopes = view.scopes
    .map(
      (scope) =>
        `<label><input type="checkbox" name="scope" value="${safe(scope)}" checked> <code>${safe(scope)}</code></label>`,
    )
    .join('');
  return page(
    'Allow access',
    `<p>You are <b>${safe(view.user)}</b>. <b>${safe(view.client)}</b> (<code>${safe(view.clientId)}</code>) ` +
      `asks to act for you at <code>${safe(view.resource)}</code>, and will be answered at ` +
      `<code>${safe(view.redirect)}</code>.</p><p>The name is what the program says of itself. Take away what it should not have:</p>` +
      `<form method="post" action="/interaction/${safe(uid)}/consent">${hidden(csrf)}${scopes}` +
      `<button>Allow</button></form>${abortForm(uid, csrf)}`,
  );
}

export function errorPage(message: string): string {
  return page('Not possible', `<p class="error" role="alert">${safe(message)}</p>`);
}

function abortForm(uid: string, csrf: string): string {
  return `<form method="post" action="/interaction/${safe(uid)}/abort">${hidden(csrf)}<button>Refuse</button></form>`;
}

function hidden(csrf: string): string {
  return `<input type="hidden" name="csrf" value="${safe(csrf)}">`;
}

function page(title: string, body: string): string {
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
    '<meta name="viewport" content="width=device-width,initial-scale=1">' +
    `<title>${title} - netagent</title><style>${STYLE}</style></head><body><main><h1>${title}</h1>${body}</main></body></html>`
  );
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

function safe(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES.get(character) as string);
}
