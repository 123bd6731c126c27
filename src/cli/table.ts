/** Fixed-width tables for a terminal of `width` columns; the last column takes what is left. */
export function table(head: string[], rows: string[][], width = 100): string {
  if (rows.length === 0) return '';
  const columns = head.map((title, index) =>
    Math.max(title.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const last = columns.length - 1;
  const taken = columns.slice(0, last).reduce((sum, size) => sum + size + 2, 0);
  columns[last] = Math.max(20, Math.min(columns[last] as number, width - taken));
  const line = (cells: string[]) => {
    const wrapped = cells.map((cell, index) =>
      index === last ? wrap(cell, columns[last] as number) : [cell],
    );
    const height = Math.max(...wrapped.map((lines) => lines.length));
    return Array.from({ length: height }, (_, at) =>
      wrapped
        .map((lines, index) => (lines[at] ?? '').padEnd(columns[index] as number))
        .join('  ')
        .trimEnd(),
    ).join('\n');
  };
  return [line(head), columns.map((size) => '-'.repeat(size)).join('  '), ...rows.map(line)].join('\n');
}

/** Breaks text at spaces into lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
