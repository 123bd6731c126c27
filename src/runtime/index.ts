export type { Asker, AskResult } from './asker.ts';
export { connectAsker } from './asker.ts';
export { createEnv, type LogLevel } from './env.ts';
export type { ReadyInfo, RuntimeOptions } from './options.ts';
export { type Runtime, startRuntime } from './runtime.ts';
