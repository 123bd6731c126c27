/** Where a verb writes: people read text, programs read JSON lines; both get errors on standard error. */
export interface Output {
  json: boolean;
  /** A line for people; nothing with `--json`. */
  text(line: string): void;
  /** A value for programs; nothing without `--json`. */
  value(value: unknown): void;
  error(error: { code: string; text: string; hint: string }): void;
}

export function terminalOutput({ json }: { json: boolean }): Output {
  return {
    json,
    text: (line) => {
      if (!json) process.stdout.write(`${line}\n`);
    },
    value: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value)}\n`);
    },
    error: ({ code, text, hint }) => {
      if (json) process.stdout.write(`${JSON.stringify({ type: 'error', code, message: text, hint })}\n`);
      process.stderr.write(`error[${code}] ${text} ${hint}\n`);
    },
  };
}
