/** Faults that a NetMCP server can have; each is one that the kit must find. */
export type Fault =
  | 'no-extension'
  | 'invents-features'
  | 'wants-netmcp'
  | 'takes-any-version'
  | 'dies-of-offers'
  | 'serves-unnamed'
  | 'any-method'
  | 'any-origin'
  | 'any-host'
  | 'sessions-live-on'
  | 'malformed-is-internal'
  | 'name-twice'
  | 'schema-broken'
  | 'definition-huge'
  | 'meta-broken'
  | 'rule-broken'
  | 'hint-wrong'
  | 'order-random'
  | 'mute-tools'
  | 'no-chain'
  | 'output-wrong'
  | 'unknown-is-result'
  | 'no-verification'
  | 'dry-run-executes'
  | 'never-replays'
  | 'key-for-all'
  | 'any-meta'
  | 'trace-breaks'
  | 'meta-needed'
  | 'no-fence'
  | 'endless-report'
  | 'report-says-nothing'
  | 'finds-everything'
  | 'flat-load'
  | 'any-load'
  | 'silent'
  | 'drains-at-full-weight'
  | 'any-lease'
  | 'twice-the-same'
  | 'no-plain-tools'
  // Resources and prompts.
  | 'resource-unreadable'
  | 'resource-of-another-uri'
  | 'any-resource'
  | 'prompt-empty'
  | 'prompt-needs-nothing'
  | 'any-prompt'
  // Finding tools.
  | 'finds-the-wrong-tool'
  | 'worst-first'
  | 'definition-differs'
  | 'over-limit'
  | 'over-budget'
  | 'tokens-miscounted'
  | 'any-question'
  // Anchor.
  | 'route-forgets-key'
  | 'route-no-meta'
  | 'absent-tool-is-done'
  | 'references-are-raw'
  | 'references-to-nothing'
  | 'references-lose-value'
  | 'default-before-value'
  | 'undoes-nothing'
  | 'running-is-refused'
  | 'runs-as-given'
  | 'answers-as-run'
  | 'step-without-server'
  | 'step-without-output'
  | 'ignores-conditions'
  | 'executes-anew'
  | 'id-for-any-steps'
  | 'any-plan'
  | 'takes-circles'
  | 'resumes-anything'
  // Execution context.
  | 'one-secret'
  | 'short-secret'
  | 'value-mangled'
  | 'revision-stands'
  | 'undead-key'
  | 'no-compare'
  | 'conflict-says-nothing'
  | 'watch-ignores-prefix'
  | 'watch-hides-deletions'
  | 'watch-never-waits'
  | 'subscribers-hear-nothing'
  | 'notification-tells-value'
  | 'last-message-first'
  | 'delivers-once'
  | 'attempt-stands'
  | 'ack-in-vain'
  | 'one-group'
  | 'at-work-again'
  | 'never-due'
  | 'cancels-twice'
  | 'schedules-without-time'
  | 'any-secret'
  | 'secret-error-tells'
  | 'secret-is-enough'
  | 'writes-reserved'
  | 'limit-is-malformed'
  | 'limit-loses-value'
  | 'closed-lives-on'
  // Life of tools.
  | 'taken-not-listed'
  | 'takes-in-silence'
  | 'held-is-listed'
  | 'held-without-reason'
  | 'held-is-executed'
  | 'publishes-anything'
  | 'updates-in-vain'
  | 'updates-the-absent'
  | 'deprecates-in-vain'
  | 'removed-is-listed'
  | 'removes-the-absent'
  | 'strangers-remove'
  | 'loads-unknown-sets'
  | 'loads-in-silence'
  | 'unloads-in-vain';

export type Json = Record<string, unknown>;
export type Is = (fault: Fault) => boolean;
export const KEY = 'org.gtigroup/netmcp';

export interface Session {
  id: string;
  /** How the client calls itself. */
  agent: string;
  features: string[];
  netmcp: boolean;
  /** Toolsets that it loaded. */
  sets: string[];
}

/** A notification to one session, or to all. */
export type Notify = (method: string, params: Json, session?: string) => void;

export class Rpc extends Error {
  readonly code: number;
  readonly data: Json | undefined;
  constructor(code: number, message: string, data?: Json) {
    super(message);
    this.code = code;
    this.data = data;
  }
}
