export { checkMachine } from '../../machines/rules.ts';
export { type Chart, type ChartEdge, type ChartNode, walk } from '../../machines/walk.ts';
export { chartToMermaid, type MermaidOptions } from './mermaid.ts';
export {
  coverageOf,
  type ModelOptions,
  type ModelReport,
  type ModelStep,
  modelPaths,
  runModel,
} from './model.ts';
