export { type Bundle, bundleSchema, readBundle, readComposites, type Upstream } from './bundle.ts';
export { type ImportOptions, type ImportReport, importTools, refuseEmpty } from './import.ts';
export { LIBRARY_LIMITS, Library, type Problem } from './library.ts';
export { type ServeOptions, toolsOfBundle } from './nf-tool.ts';
