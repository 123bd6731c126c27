import { lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { SPECIAL_ADDRESSES } from '../../../machines/addresses.ts';
import { failBus } from '../../errors.ts';

/** Where webhooks may go: a server must not be made to call what only it can reach (SSRF). */

export interface TargetPolicy {
  /** Also `http:`; otherwise `https:` only. */
  allowHttp: boolean;
  /** Host names, addresses and CIDR blocks that are allowed though they are private. */
  allow: readonly string[];
}

export const STRICT_TARGETS: TargetPolicy = { allowHttp: false, allow: [] };

const special = new BlockList();
for (const [address, prefix, family] of SPECIAL_ADDRESSES) special.addSubnet(address, prefix, family);

/** The judge of one policy. */
export class Targets {
  readonly #policy: TargetPolicy;
  readonly #allowed = new BlockList();
  readonly #names: ReadonlySet<string>;

  constructor(policy: TargetPolicy) {
    this.#policy = policy;
    const names: string[] = [];
    for (const entry of policy.allow) {
      const [address = '', prefix] = entry.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (isIP(address) === 0) names.push(entry.toLowerCase());
      else if (prefix === undefined) this.#allowed.addAddress(address, family);
      else this.#allowed.addSubnet(address, Number(prefix), family);
    }
    this.#names = new Set(names);
  }

  /** Judges an address as it is written; its name is judged when it is resolved. @throws BUS_PUSH_TARGET_REFUSED */
  check(text: string): URL {
    const refuse = (problem: string) => failBus('BUS_PUSH_TARGET_REFUSED', { problem });
    if (!URL.canParse(text)) throw refuse('it is no URL');
    // The parser turns every notation of an IPv4 address (octal, hexadecimal, one number) into four numbers.
    const url = new URL(text);
    if (url.protocol !== 'https:' && !(this.#policy.allowHttp && url.protocol === 'http:')) {
      throw refuse(`${url.protocol} is not allowed`);
    }
    if (url.username !== '' || url.password !== '') throw refuse('it carries credentials');
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.#mayReach(host)) throw refuse('its address is not public');
    if (/(^|\.)localhost\.?$/i.test(host) && !this.#names.has(host.toLowerCase()))
      throw refuse('it is this machine');
    return url;
  }

  /** Resolves like `dns.lookup`, and gives only addresses that may be reached: what was judged is what is called. */
  readonly lookup: typeof lookup = ((host: string, options: object, done: (...args: unknown[]) => void) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error);
      const named = this.#names.has(host.toLowerCase());
      const reachable = named ? found : found.filter(({ address }) => this.#mayReach(address));
      const [first] = reachable;
      if (first === undefined) {
        return done(failBus('BUS_PUSH_TARGET_REFUSED', { problem: 'its address is not public' }));
      }
      if ((options as { all?: boolean }).all) done(null, reachable);
      else done(null, first.address, first.family);
    });
  }) as typeof lookup;

  #mayReach(address: string): boolean {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return this.#allowed.check(address, family) || !special.check(address, family);
  }
}
