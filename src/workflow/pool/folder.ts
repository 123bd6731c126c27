import { type FSWatcher, lstatSync, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import type { TemplateProblem } from './template.ts';

/** A template that is longer is none. */
const MOST_BYTES = 1 << 20;

/** The YAML files of a folder with their texts, in order of their names; links are not followed. */
export function readFolder(folder: string): {
  files: Array<{ file: string; text: string }>;
  problems: TemplateProblem[];
} {
  const problems: TemplateProblem[] = [];
  const bad = (file: string, reason: string) => problems.push({ file, line: 1, reason });
  let names: string[] = [];
  try {
    names = readdirSync(folder).filter((name) => /^[^.].*\.ya?ml$/.test(name));
  } catch (error) {
    bad(folder, `the folder cannot be read: ${codeOf(error)}`);
  }
  const files = names.sort().flatMap((name) => {
    const file = join(folder, name);
    try {
      const stat = lstatSync(file);
      if (!stat.isFile()) {
        bad(file, 'is no file');
        return [];
      }
      if (stat.size > MOST_BYTES) {
        bad(file, `is longer than ${MOST_BYTES} bytes`);
        return [];
      }
      return [{ file, text: readFileSync(file, 'utf8') }];
    } catch (error) {
      // Gone between two looks: then it is not there.
      if (codeOf(error) !== 'ENOENT') bad(file, `cannot be read: ${codeOf(error)}`);
      return [];
    }
  });
  return { files, problems };
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error);

/** Tells of every change in a folder until it is stopped. */
export type WatchFolder = (folder: string, changed: () => void) => () => void;

/** Watches by the operating system; a folder that is not there, or is taken away, tells of nothing. */
export const watchFolder: WatchFolder = (folder, changed) => {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(folder, { persistent: false }, () => changed());
    watcher.on('error', () => watcher?.close());
  } catch {
    // Reported by reading it.
  }
  return () => watcher?.close();
};
