/**
 * What toolization costs and spares: `node test/bench/tools-import.ts FOLDER...`. A naive tool is the operation
 * with its parameters and body fully dereferenced; recursion is cut where a schema comes back, and one definition
 * is counted to 4 MB at most, so that the figures are lower bounds.
 */
import { basename } from 'node:path';
import { importTools, Library } from '../../src/toolization/index.ts';
import { operationsOf } from '../../src/toolization/operations.ts';

const BYTES_A_TOKEN = 4;
const print = (line: string) => process.stdout.write(`${line}\n`);
const MOST = 4 * 1024 * 1024;

function naive(library: Library, place: { file: string; node: unknown }): number {
  let left = MOST;
  const size = (at: { file: string; node: unknown }, stack: readonly string[]): number => {
    if (left <= 0) return 0;
    const { node, file } = at;
    if (typeof node !== 'object' || node === null) {
      const own = JSON.stringify(node)?.length ?? 4;
      left -= own;
      return own;
    }
    if (!Array.isArray(node) && typeof (node as { $ref?: unknown }).$ref === 'string') {
      const target = library.deref({ file, node });
      if (target === undefined || stack.includes(target.key ?? '')) return 2;
      return size({ file: target.file, node: target.node }, [...stack, target.key ?? '']);
    }
    let sum = 2;
    for (const [key, value] of Object.entries(node)) {
      left -= key.length + 4;
      sum += (Array.isArray(node) ? 1 : key.length + 4) + size({ file, node: value }, stack);
    }
    return sum;
  };
  return size(place, []);
}

const middle = (numbers: number[], share: number) =>
  [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))] ?? 0;
const tokens = (bytes: number) => Math.round(bytes / BYTES_A_TOKEN).toLocaleString('en');

print(
  '| descriptions | operations | tools | not made | time | bytes p50 / p99 / max | naive p50 / p99 / max | tokens of all, naive | tokens of all, tools |',
);
print('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const root of process.argv.slice(2)) {
  const times: number[] = [];
  let made = importTools({ root, upstream: { url: 'http://provider.example' } });
  for (let run = 0; run < 3; run += 1) {
    const began = performance.now();
    made = importTools({ root, upstream: { url: 'http://provider.example' } });
    times.push(performance.now() - began);
  }
  const library = new Library(root);
  const sizes: number[] = [];
  for (const file of library.files()) {
    for (const { parameters, body, summary, description } of operationsOf(library, file).operations) {
      const parts = [...parameters.map(({ schema }) => schema), ...(body ? [body.schema] : [])];
      sizes.push(
        summary.length +
          description.length +
          200 +
          parts.reduce((sum, part) => sum + naive(library, part), 0),
      );
    }
  }
  const { report, sizes: own } = made;
  const total = (numbers: number[]) => numbers.reduce((sum, one) => sum + one, 0);
  const three = (numbers: number[]) =>
    [middle(numbers, 0.5), middle(numbers, 0.99), Math.max(...numbers)]
      .map((one) => one.toLocaleString('en'))
      .join(' / ');
  print(
    `| ${basename(root)} | ${report.operations} | ${report.tools} | ${report.unsupported.length + report.duplicates.length} | ${(middle(times, 0.5) / 1_000).toFixed(2)} s | ${three(own)} | ${three(sizes)} | ${tokens(total(sizes))} | ${tokens(total(own))} |`,
  );
}
