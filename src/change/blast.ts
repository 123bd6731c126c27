/** What a tool does to the network, from its metadata (NetMCP 2). */
export interface ToolTraits {
  effects: 'read' | 'reversible' | 'irreversible';
}

export interface ToolCall {
  tool: string;
  arguments: Record<string, unknown>;
}

/** How far calls reach. */
export interface Reach {
  cells: string[];
  /** Subscribers named in the calls. */
  subscribers: string[];
  slices: string[];
  paths: string[];
  /** Users of the cells now, who may feel it; null where nobody could say. */
  users: number | null;
  /** Subjects that the arguments do not name, such as a policy known by its id alone. */
  unnamed: string[];
  effects: ToolTraits['effects'];
}

/** What may be done at a level without a human, and what may not be done at all. */
export interface ReachLimit {
  cells: number;
  /** Named ones, or users of the cells, whichever is more. */
  subscribers: number;
  slices: number;
  irreversible: boolean;
}

/**
 * By level of autonomy (0 to 5, as TM Forum counts them): at 0 and 1 a human approves everything that changes the
 * network. More than `FACTOR` times a limit is refused at any level: such a change is to be cut in parts.
 */
export const LEVELS: readonly ReachLimit[] = [
  { cells: 0, subscribers: 0, slices: 0, irreversible: false },
  { cells: 0, subscribers: 0, slices: 0, irreversible: false },
  { cells: 1, subscribers: 200, slices: 0, irreversible: false },
  { cells: 10, subscribers: 2_000, slices: 1, irreversible: false },
  { cells: 50, subscribers: 20_000, slices: 3, irreversible: false },
  { cells: 200, subscribers: 100_000, slices: 10, irreversible: true },
];
const FACTOR = 10;
/** What the hard limit counts from where the limit is 0. */
const FLOOR: ReachLimit = { cells: 20, subscribers: 2_000, slices: 1, irreversible: true };

export type Subject = 'cells' | 'subscribers' | 'slices' | 'paths';
/** Names of parameters that name a subject, over all tools; a list or one. */
export const SUBJECTS: ReadonlyMap<string, Subject> = new Map(
  Object.entries({
    cellId: 'cells',
    cellIds: 'cells',
    cells: 'cells',
    sourceCellId: 'cells',
    targetCellId: 'cells',
    targetCellIds: 'cells',
    neighbourCellId: 'cells',
    supi: 'subscribers',
    supis: 'subscribers',
    gpsi: 'subscribers',
    ueId: 'subscribers',
    ueAddress: 'subscribers',
    ipAddress: 'subscribers',
    ipv4: 'subscribers',
    slice: 'slices',
    sliceId: 'slices',
    snssai: 'slices',
    sNssai: 'slices',
    dnai: 'paths',
    pathId: 'paths',
  }) as Array<[string, Subject]>,
);
/** References that stand for something that was named when they were given. */
const REFERENCE =
  /^(.*?(?:policy|session|subscription|watch|job|transfer|allocation|instance|alarm))(?:Id|Ref)$/;
const MAX_DEPTH = 6;

interface Found {
  subject: Subject;
  id: string;
}

/** Something known by a reference alone. */
interface Reference {
  kind: string;
  id: string;
}

/** Subjects in arguments, at any depth. */
export function subjectsOf(args: unknown, depth = 0): { found: Found[]; unnamed: Reference[] } {
  const found: Found[] = [];
  const unnamed: Reference[] = [];
  if (args === null || typeof args !== 'object' || depth > MAX_DEPTH) return { found, unnamed };
  // A slice may stand flat among the arguments.
  const slice = idOf(args);
  if (slice !== null) found.push({ subject: 'slices', id: slice });
  for (const [key, value] of Object.entries(args)) {
    const subject = Array.isArray(args) ? undefined : SUBJECTS.get(key);
    const ids = subject === undefined ? [] : [value].flat().map(idOf);
    if (subject !== undefined && ids.every((id) => id !== null)) {
      found.push(...ids.map((id) => ({ subject, id: id as string })));
    } else if (typeof value === 'string' && REFERENCE.test(key)) {
      unnamed.push({ kind: (REFERENCE.exec(key)?.[1] ?? key).toLowerCase(), id: value });
    } else {
      const inner = subjectsOf(value, depth + 1);
      found.push(...inner.found);
      unnamed.push(...inner.unnamed);
    }
  }
  return { found, unnamed };
}

/** A text, or an S-NSSAI as `SST-SD`. */
function idOf(value: unknown): string | null {
  if (typeof value === 'string' && value !== '') return value;
  if (value === null || typeof value !== 'object' || !('sst' in value)) return null;
  return 'sd' in value ? `${value.sst}-${value.sd}` : String(value.sst);
}

export interface ReachPorts {
  traits(tool: string): Promise<ToolTraits | undefined>;
  /** Users of each cell now, null where it is not known; read as that agent. */
  usersOf(cellIds: string[], agent?: string): Promise<ReadonlyMap<string, number | null>>;
}

/** What calls touch. A tool that nobody describes counts as irreversible. */
export async function reachOf(calls: ToolCall[], ports: ReachPorts, agent?: string): Promise<Reach> {
  const subjects = calls.map((call) => subjectsOf(call.arguments));
  const ids = (subject: Subject) => [
    ...new Set(
      subjects.flatMap(({ found }) => found.filter((one) => one.subject === subject).map(({ id }) => id)),
    ),
  ];
  const traits = await Promise.all(calls.map(({ tool }) => ports.traits(tool)));
  const order = ['read', 'reversible', 'irreversible'] as const;
  const worst = Math.max(0, ...traits.map((one) => order.indexOf(one?.effects ?? 'irreversible')));
  const effects = order[worst] as ToolTraits['effects'];
  const cells = ids('cells').sort();
  const counts = cells.length === 0 || effects === 'read' ? new Map() : await ports.usersOf(cells, agent);
  const known = cells.map((cell) => counts.get(cell) ?? null);
  return {
    cells,
    subscribers: ids('subscribers').sort(),
    slices: ids('slices').sort(),
    paths: ids('paths').sort(),
    users: known.includes(null) ? null : known.reduce((sum: number, count: number) => sum + count, 0),
    unnamed: subjects.flatMap(({ unnamed }) => unnamed.map(({ kind, id }) => `${kind} ${id}`)),
    effects,
  };
}

/** Whether a reach is allowed at a level of autonomy, in words that a human can decide by. */
export function judgeReach(
  reach: Reach,
  { level, limits = LEVELS, what }: { level: number; limits?: readonly ReachLimit[]; what: string },
): { verdict: 'within' | 'approve' | 'refuse'; text: string } {
  const limit = limits[Math.min(Math.max(0, Math.floor(level)), limits.length - 1)] as ReachLimit;
  const touched = `${what} touches ${wordsOf(reach)}`;
  if (reach.effects === 'read') return { verdict: 'within', text: `${touched}; it only reads.` };
  const counts = {
    cells: reach.cells.length,
    subscribers: Math.max(reach.subscribers.length, reach.users ?? 0),
    slices: reach.slices.length,
  };
  const over: string[] = [];
  for (const kind of ['cells', 'subscribers', 'slices'] as const) {
    const hard = Math.max(limit[kind] * FACTOR, FLOOR[kind]);
    if (counts[kind] > hard) {
      return {
        verdict: 'refuse',
        text: `${touched}: more than ${hard} ${kind}. Cut it into smaller changes.`,
      };
    }
    if (counts[kind] > limit[kind]) over.push(`level ${level} allows ${limit[kind]} ${kind}`);
  }
  if (reach.users === null) over.push('how many use its cells is not known');
  if (reach.effects === 'irreversible' && !limit.irreversible) over.push('it cannot be undone');
  // Below level 2 a human approves whatever changes the network, also what names nobody.
  if (level < 2 && over.length === 0) over.push(`level ${level} allows no change on its own`);
  return over.length === 0
    ? { verdict: 'within', text: `${touched}; level ${level} allows that.` }
    : { verdict: 'approve', text: `${touched}; ${over.join(', and ')}: a human must approve.` };
}

function wordsOf({ cells, subscribers, slices, paths, users, unnamed }: Reach): string {
  const count = (n: number, one: string, many = `${one}s`) =>
    n === 0 ? [] : [`${n} ${n === 1 ? one : many}`];
  const inCells =
    cells.length === 0
      ? []
      : [users === null ? 'an unknown number of users in them' : `${users} users in them`];
  const parts = [
    ...count(cells.length, 'cell'),
    ...inCells,
    ...count(subscribers.length, 'subscriber by name', 'subscribers by name'),
    ...count(slices.length, 'slice'),
    ...count(paths.length, 'path'),
    ...unnamed.map((one) => `what ${one} stands for`),
  ];
  return parts.length === 0 ? 'nothing that it names' : parts.join(', ');
}
