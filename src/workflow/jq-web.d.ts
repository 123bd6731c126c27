declare module 'jq-web' {
  interface Jq {
    json(input: unknown, program: string): unknown;
    raw(input: string, program: string, flags?: string[]): string;
  }
  const ready: Promise<Jq>;
  export default ready;
}
