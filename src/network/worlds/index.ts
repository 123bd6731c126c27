export { GridNetwork } from './grid-network.ts';
export { parseWorld, readWorld, shippedWorlds, type WorldFile } from './read.ts';
export { type GroupRow, runWorld, type WorldSample } from './run.ts';
export { type WorldDescription, worldSchema } from './schema.ts';
