import { createHash } from 'node:crypto';

/** One challenge of a `WWW-Authenticate` header: scheme in lower case, parameters by lower-case name. */
export interface Challenge {
  scheme: string;
  parameters: ReadonlyMap<string, string>;
}

/** RFC 9110 11.6.1: a header may carry several challenges. */
export function challengesOf(header: string): Challenge[] {
  const challenges: Array<{ scheme: string; parameters: Map<string, string> }> = [];
  const token = /\s*(?:([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))|([\w-]+))\s*,?/y;
  for (let match = token.exec(header); match !== null && match[0] !== ''; match = token.exec(header)) {
    const [, name, quoted, plain, scheme] = match;
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    else if (name !== undefined) {
      challenges.at(-1)?.parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
    }
  }
  return challenges;
}

/** Strongest first (RFC 7616 3.7). */
const HASHES: ReadonlyArray<[string, string]> = [
  ['SHA-256', 'sha256'],
  ['MD5', 'md5'],
];

/**
 * The `authorization` value that answers a digest challenge with `qop=auth` (RFC 7616 3.4); null if none of the
 * challenges can be answered.
 */
export function digestAnswer(
  header: string,
  request: { method: string; uri: string; username: string; password: string; cnonce: string },
): string | null {
  const offered = challengesOf(header).filter(({ scheme }) => scheme === 'digest');
  for (const [name, hash] of HASHES) {
    for (const { parameters } of offered) {
      const algorithm = parameters.get('algorithm') ?? 'MD5';
      const session = /-sess$/i.test(algorithm);
      if (algorithm.replace(/-sess$/i, '').toUpperCase() !== name) continue;
      const qops = (parameters.get('qop') ?? '').split(',').map((qop) => qop.trim());
      const nonce = parameters.get('nonce');
      if (nonce === undefined || !qops.includes('auth')) continue;
      const h = (text: string) => createHash(hash).update(text).digest('hex');
      const { method, uri, username, password, cnonce } = request;
      const realm = parameters.get('realm') ?? '';
      const secret = h(`${username}:${realm}:${password}`);
      const a1 = session ? h(`${secret}:${nonce}:${cnonce}`) : secret;
      const nc = '00000001';
      const response = h(`${a1}:${nonce}:${nc}:${cnonce}:auth:${h(`${method}:${uri}`)}`);
      const userhash = parameters.get('userhash')?.toLowerCase() === 'true';
      const opaque = parameters.get('opaque');
      return [
        `Digest username=${quote(userhash ? h(`${username}:${realm}`) : username)}`,
        `realm=${quote(realm)}`,
        `uri=${quote(uri)}`,
        `algorithm=${algorithm}`,
        `nonce=${quote(nonce)}`,
        `nc=${nc}`,
        `cnonce=${quote(cnonce)}`,
        'qop=auth',
        `response=${quote(response)}`,
        ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
        ...(userhash ? ['userhash=true'] : []),
      ].join(', ');
    }
  }
  return null;
}

const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
