export { GridNetwork } from './grid-network.ts';
export { LiveTuning } from './live.ts';
export { Orders, PARAMETERS, type Scope } from './parameters.ts';
export { Rating } from './rating.ts';
export { parseWorld, readWorld, shippedWorlds, type WorldFile } from './read.ts';
export { type GroupRow, runWorld, type WorldSample } from './run.ts';
export { type WorldDescription, worldSchema } from './schema.ts';
export { WhatIf, type WorldCopy } from './what-if.ts';
