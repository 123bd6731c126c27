/** Who runs the workflows that nobody else runs: at the bus and at the tool servers. */
export const WORKFLOWS = 'netagent/core/workflows';
