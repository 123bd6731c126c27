/** A browser for the portal's pages: cookies, redirects, forms. */
export function browser(issuer: string) {
  const cookies = new Map<string, { value: string; path: string }>();

  async function once(url: URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const jar = [...cookies].filter(([, { path }]) => url.pathname.startsWith(path));
    if (url.origin === issuer && jar.length > 0)
      headers.set('cookie', jar.map(([name, { value }]) => `${name}=${value}`).join('; '));
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, { value, path: /path=([^;]+)/i.exec(line)?.[1] ?? '/' });
    }
    return response;
  }

  /** Follows redirects while they stay at the portal. */
  async function go(address: string, init?: RequestInit): Promise<Page> {
    let url = new URL(address, issuer);
    let response = await once(url, init);
    for (let hops = 0; hops < 10; hops += 1) {
      const location = response.headers.get('location');
      if (location === null) break;
      const next = new URL(location, url);
      if (next.origin !== issuer)
        return { url: next.href, status: response.status, html: '', left: true, headers: response.headers };
      await response.body?.cancel();
      url = next;
      response = await once(url);
    }
    return {
      url: url.href,
      status: response.status,
      html: await response.text(),
      left: false,
      headers: response.headers,
    };
  }

  /** Sends the form of a page with these fields beside its hidden ones. */
  function submit(
    page: Page,
    step: string,
    fields: Array<[string, string]>,
    headers: Record<string, string> = {},
  ) {
    const action = new RegExp(`action="([^"]*/${step})"`).exec(page.html)?.[1] ?? '/no-such-form';
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.html)?.[1] ?? '';
    return go(action, {
      method: 'POST',
      body: new URLSearchParams([['csrf', csrf], ...fields]),
      headers: { origin: issuer, ...headers },
    });
  }

  const scopesOn = (page: Page) =>
    [...page.html.matchAll(/name="scope" value="([^"]*)"/g)].map(([, scope]) => scope as string);

  return {
    go,
    submit,
    scopesOn,
    cookies,
    /** Signs in and consents; `take` says which of the scopes. Gives the address of the redirect. */
    async consent(address: string, take: (scopes: string[]) => string[] = (all) => all, name = 'alice') {
      let page = await go(address);
      if (page.html.includes('type="password"'))
        page = await submit(page, 'login', [
          ['name', name],
          ['password', `password-of-${name}`],
        ]);
      if (page.left) return page.url;
      page = await submit(
        page,
        'consent',
        take(scopesOn(page)).map((scope) => ['scope', scope]),
      );
      return page.url;
    },
  };
}

export interface Page {
  url: string;
  status: number;
  html: string;
  /** The redirect leads away from the portal. */
  left: boolean;
  headers: Headers;
}
