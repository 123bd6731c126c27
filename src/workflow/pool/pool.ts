import type { Clock } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { RunPolicy } from '../dsl/check.ts';
import { readFolder, type WatchFolder, watchFolder } from './folder.ts';
import { checkInputs, type InputCheck } from './inputs.ts';
import { type Index, indexOf, type Match, rank, type Task, THRESHOLD } from './match.ts';
import { compareVersions } from './semver.ts';
import { readTemplate, type Template, type TemplateProblem } from './template.ts';

export interface PoolOptions {
  /** Folders of templates, those that ship first: of two that are the same the earlier counts. */
  folders: readonly string[];
  /** What documents may run. */
  policy?: RunPolicy;
  /** Time of the debounce. */
  clock: Clock;
  /** Watches the folders; false: only `reload` reads them again. */
  watch?: WatchFolder | false;
  /** A change counts when nothing changed for so long, ms: editors write in steps. */
  settleMs?: number;
}

/** What a look at the folders brought, as `id@version`. */
export interface PoolChange {
  added: string[];
  changed: string[];
  removed: string[];
  problems: readonly TemplateProblem[];
}

export interface Pool {
  /** The newest version of each template, by id. */
  list(): Template[];
  /** Versions of a template, the newest first. */
  versions(name: string): Template[];
  /**
   * A template by `namespace/name`, or by the name alone where only one has it; the newest unless a version is
   * given. Undefined where there is none. @throws TEMPLATE_AMBIGUOUS
   */
  get(name: string, version?: string): Template | undefined;
  /** Templates that fit a task, the best first, none below the threshold; `most` is 5 unless given. */
  match(task: string | Task, options?: { most?: number; threshold?: number }): Match[];
  /** The best match, or in one sentence why there is none. */
  best(task: string | Task): { match: Match; none?: never } | { none: string; match?: never };
  /** What a template still needs to be run with what is known. */
  missing(template: Template, known: Record<string, unknown>): InputCheck;
  /** Files that are not in the pool, and why. */
  problems(): readonly TemplateProblem[];
  /** Reads the folders again. */
  reload(): PoolChange;
  /** Hears of every change that a look at the folders brought; gives the way to stop. */
  onChange(listener: (change: PoolChange) => void): () => void;
  close(): void;
}

const SETTLE_MS = 200;
const MOST = 5;

interface Held {
  text: string;
  /** The last good reading of the file: it stays in force while the file is broken. */
  template: Template | undefined;
  problem: TemplateProblem | undefined;
}

/** Opens a pool of templates over folders. What is broken in them is reported and never stops the rest. */
export function openPool(options: PoolOptions): Pool {
  const { folders, clock, policy, watch = watchFolder, settleMs = SETTLE_MS } = options;
  let held = new Map<string, Held>();
  /** All versions of each id, the newest first. */
  let templates = new Map<string, Template[]>();
  let problems: TemplateProblem[] = [];
  let index: Index = indexOf([]);
  let timer: unknown;
  let stops: Array<() => void> = [];
  const listeners = new Set<(change: PoolChange) => void>();

  function look(): PoolChange {
    // Watched first: what is dropped while they are read is not missed.
    watchAll();
    const before = keysOf(templates);
    const found = folders.map(readFolder);
    problems = found.flatMap((one) => one.problems);
    const now = new Map<string, Held>();
    for (const { file, text } of found.flatMap(({ files }) => files))
      now.set(file, readHeld(held.get(file), file, text, policy));
    held = now;
    templates = sorted();
    index = indexOf(newest());
    const after = keysOf(templates);
    const change = {
      added: [...after.keys()].filter((key) => !before.has(key)),
      changed: [...after]
        .filter(([key, one]) => before.has(key) && before.get(key) !== one)
        .map(([key]) => key),
      removed: [...before.keys()].filter((key) => !after.has(key)),
      problems,
    };
    return change;
  }

  /** Every good template by id and version; two that are the same are reported. */
  function sorted(): Map<string, Template[]> {
    const result = new Map<string, Template[]>();
    for (const { template, problem } of held.values()) {
      if (problem !== undefined) problems.push(problem);
      if (template === undefined) continue;
      const { id, version, file } = template;
      const others = result.get(id) ?? [];
      const same = others.find((one) => one.version === version);
      if (same !== undefined) {
        problems.push({ file, line: 1, reason: `${id} ${version} is there already, in ${same.file}` });
        continue;
      }
      result.set(
        id,
        [...others, template].sort((a, b) => compareVersions(b.version, a.version)),
      );
    }
    return result;
  }

  const newest = () =>
    [...templates.values()].map(([first]) => first as Template).sort((a, b) => a.id.localeCompare(b.id));
  const versions = (name: string): Template[] => {
    if (name.includes('/')) return templates.get(name) ?? [];
    const found = [...templates.keys()].filter((id) => id.split('/')[1] === name);
    if (found.length > 1) throw fail('TEMPLATE_AMBIGUOUS', { name, ids: found.join(', ') });
    return templates.get(found[0] ?? '') ?? [];
  };
  const ranked = (task: string | Task) => rank(index, typeof task === 'string' ? { text: task } : task);
  const reload = () => {
    clock.clearTimeout(timer);
    timer = undefined;
    const change = look();
    for (const listener of listeners) listener(change);
    return change;
  };
  const later = () => {
    clock.clearTimeout(timer);
    timer = clock.setTimeout(reload, settleMs);
  };

  /** Anew at every look: a folder may have come, or be another one under the same name. */
  const watchAll = () => {
    for (const stop of stops) stop();
    stops = watch === false ? [] : folders.map((folder) => watch(folder, later));
  };

  look();

  return {
    list: newest,
    versions,
    get(name, version) {
      const found = versions(name);
      return version === undefined ? found[0] : found.find((one) => one.version === version);
    },
    match: (task, { most = MOST, threshold = THRESHOLD } = {}) =>
      ranked(task)
        .filter(({ score }) => score >= threshold)
        .slice(0, most),
    best(task) {
      const [first] = ranked(task);
      if (first === undefined) return { none: 'No template shares a word with the task.' };
      if (first.score >= THRESHOLD) return { match: first };
      return {
        none: `No template fits: the nearest, ${first.template.id}, reaches ${first.score} of the ${THRESHOLD} that are needed.`,
      };
    },
    missing: checkInputs,
    problems: () => problems,
    reload,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      clock.clearTimeout(timer);
      for (const stop of stops.splice(0)) stop();
      listeners.clear();
    },
  };
}

/** A file that has not changed is not read twice: its template stays the same object. */
function readHeld(before: Held | undefined, file: string, text: string, policy: RunPolicy | undefined): Held {
  if (before?.text === text) return before;
  const read = readTemplate(text, file, policy);
  if ('template' in read) return { text, template: read.template, problem: undefined };
  return { text, template: before?.template, problem: read.problem };
}

function keysOf(templates: ReadonlyMap<string, Template[]>): Map<string, Template> {
  return new Map([...templates.values()].flat().map((one) => [`${one.id}@${one.version}`, one]));
}
