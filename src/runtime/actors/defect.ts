/** What a log line says of an error that nobody expected: its message, and where it was thrown. */
export function defect(error: unknown): { problem: string; at?: string } {
  if (!(error instanceof Error)) return { problem: String(error) };
  const at = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at '));
  return { problem: error.message, ...(at === undefined ? {} : { at: at.trim() }) };
}
