export { type WatchFolder, watchFolder } from './folder.ts';
export type { InputCheck, MissingInput } from './inputs.ts';
export type { Match, Task as PoolTask } from './match.ts';
export { openPool, type Pool, type PoolChange, type PoolOptions } from './pool.ts';
export { CATEGORIES, type Category, readTemplate, type Template, type TemplateProblem } from './template.ts';
