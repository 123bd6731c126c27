import { lookup as systemLookup } from 'node:dns/promises';
import { realpath } from 'node:fs/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { sep } from 'node:path';
import { SPECIAL_ADDRESSES } from '../../../machines/addresses.ts';
import { standardError } from '../fault.ts';

/** Where workflows may call, and what they may start and read: the operator's word, not the document's. */
export interface CallPolicy {
  /**
   * Hosts that may be called wherever they lie: `host`, `host:port`, an address, `*.suffix`, a CIDR block, or `*`.
   */
  allow: readonly string[];
  /** Whether public addresses may be called that are not listed; true if absent. */
  public?: boolean;
  /** Programs that `call: mcp` may start with any arguments, exactly as a document writes `command`. */
  commands?: readonly string[];
  /** Absolute folders below which `file:` resources may be read. */
  folders?: readonly string[];
}

/** Public addresses only: nothing of this machine or its networks, no programs, no files. */
export const STRICT_POLICY: CallPolicy = { allow: [] };

export interface Address {
  address: string;
  family: number;
}

/** All addresses of a name, as the resolver gives them. */
export type Resolve = (host: string) => Promise<Address[]>;

const resolveBySystem: Resolve = (host) => systemLookup(host, { all: true });

interface Rule {
  /** Lower case; `null`: an address block. */
  name: string | null;
  block: BlockList | null;
  port: number | null;
}

/** Variables by which a program that is allowed would be made to run what is not. */
const TURNING =
  /^(LD_|DYLD_)|^(PATH|NODE_OPTIONS|NODE_PATH|BASH_ENV|ENV|IFS|PYTHON(PATH|HOME|STARTUP)|PERL5?(LIB|OPT)|RUBY(OPT|LIB)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS)$/i;

const special = new BlockList();
for (const [address, prefix, family] of SPECIAL_ADDRESSES) special.addSubnet(address, prefix, family);

const familyOf = (address: string) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
const bare = (host: string) =>
  host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();

/** The judge of one policy. Every way out of `calls` goes through it. */
export class Gate {
  readonly #policy: CallPolicy;
  readonly #rules: readonly Rule[];
  readonly #resolve: Resolve;

  constructor(policy: CallPolicy, resolve: Resolve = resolveBySystem) {
    this.#policy = policy;
    this.#rules = policy.allow.map(ruleOf);
    this.#resolve = resolve;
  }

  /**
   * Judges a host as it is written; what its name stands for is judged when it is resolved.
   * @throws RaisedError `authorization` 403
   */
  check(written: string, port: number): void {
    const host = bare(written);
    if (this.#named(host, port)) return;
    const addresses = isIP(host) !== 0 ? [host] : /(^|\.)localhost$/.test(host) ? ['127.0.0.1', '::1'] : null;
    const ok =
      addresses === null
        ? this.#policy.public !== false || this.#rules.some(({ block }) => block !== null)
        : addresses.some((address) => this.#mayReach(address, port));
    if (!ok) throw refusal(host, port);
  }

  /** The addresses of a host that may be called, at least one. @throws RaisedError `authorization`, `communication` */
  async addresses(written: string, port: number): Promise<[Address, ...Address[]]> {
    this.check(written, port);
    const host = bare(written);
    if (isIP(host) !== 0) return [{ address: host, family: isIP(host) }];
    const found = await this.#resolve(host).catch(() => {
      throw standardError('communication', `The name ${host} cannot be resolved`, { status: 503 });
    });
    const named = this.#named(host, port);
    const [first, ...rest] = found.filter(({ address }) => named || this.#mayReach(address, port));
    if (first === undefined) throw refusal(host, port);
    return [first, ...rest];
  }

  /**
   * Resolves for `net.connect` to a port, and gives only addresses that may be called: what was judged is what
   * is connected to, so a name cannot change its answer in between.
   */
  lookup(port: number): LookupFunction {
    return (host, options, done) => {
      this.addresses(host, port).then(
        (found) => {
          const wanted = options.family === 4 || options.family === 6 ? options.family : 0;
          const fitting = found.filter(({ family }) => wanted === 0 || family === wanted);
          const [first = found[0]] = fitting;
          if (options.all) done(null, fitting.length > 0 ? fitting : found);
          else done(null, first.address, first.family);
        },
        (error: Error) => done(error, '', 0),
      );
    };
  }

  /** @throws RaisedError `authorization` 403 */
  command(command: string, environment: Readonly<Record<string, string>> = {}): void {
    const turning = Object.keys(environment).find((name) => TURNING.test(name));
    if (turning !== undefined) {
      throw standardError(
        'authorization',
        `The variable ${turning} would make another program of ${command}`,
      );
    }
    if (this.#policy.commands?.includes(command)) return;
    throw standardError('authorization', `The policy does not allow the program ${command}`, {
      detail: `To allow it, add ${JSON.stringify(command)} to the commands of the call policy.`,
    });
  }

  /** The real path of a file below an allowed folder. @throws RaisedError `authorization` 403, `communication` 404 */
  async file(path: string): Promise<string> {
    const refused = () =>
      standardError('authorization', `The policy does not allow the file ${path}`, {
        detail: 'To allow it, add its folder to the folders of the call policy.',
      });
    const below = (file: string, folder: string) =>
      file.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
    const folders = this.#policy.folders ?? [];
    // Whether a file exists is told only where it may be read.
    if (!folders.some((folder) => below(path, folder))) throw refused();
    const real = await realpath(path).catch(() => {
      throw standardError('communication', `There is no file ${path}`, { status: 404 });
    });
    const roots = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
    if (!roots.some((folder) => below(real, folder))) throw refused();
    return real;
  }

  #named(host: string, port: number): boolean {
    return this.#rules.some(
      ({ name, port: only }) =>
        name !== null &&
        (only === null || only === port) &&
        (name === '*' || name === host || (name.startsWith('*.') && host.endsWith(name.slice(1)))),
    );
  }

  #mayReach(address: string, port: number): boolean {
    const family = familyOf(address);
    const listed = this.#rules.some(
      ({ block, port: only }) => block?.check(address, family) && (only === null || only === port),
    );
    return listed || (this.#policy.public !== false && !special.check(address, family));
  }
}

/** @throws RaisedError `configuration`: a rule that cannot be read must not silently allow or refuse */
function ruleOf(text: string): Rule {
  const [, name = '', port] = /^(\[[^\]]+\]|[^:]+|[^\]]*:[^\]]*:[^\]]*?)(?::(\d+))?$/.exec(text.trim()) ?? [];
  const only = port === undefined ? null : Number(port);
  const host = bare(name);
  const [network = '', prefix] = host.split('/');
  if (isIP(network) !== 0) {
    const block = new BlockList();
    const bits = prefix === undefined ? (isIP(network) === 6 ? 128 : 32) : Number(prefix);
    if (Number.isInteger(bits) && bits >= 0 && bits <= (isIP(network) === 6 ? 128 : 32)) {
      block.addSubnet(network, bits, familyOf(network));
      return { name: null, block, port: only };
    }
  } else if (/^(\*|(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)$/.test(host)) {
    return { name: host, block: null, port: only };
  }
  throw standardError('configuration', `The call policy cannot read ${JSON.stringify(text)}`, {
    detail: 'A rule is host, host:port, an address, *.suffix, a CIDR block, or *.',
  });
}

function refusal(host: string, port: number) {
  return standardError('authorization', `The policy does not allow calls to ${host}:${port}`, {
    detail: `To allow them, add "${host.includes(':') ? `[${host}]` : host}:${port}" to the hosts of the call policy.`,
  });
}
