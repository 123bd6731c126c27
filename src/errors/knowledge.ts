/** The knowledge of the network. */
export const KNOWLEDGE_ERRORS = {
  KNOWLEDGE_REFUSED: {
    class: 'terminal',
    status: 400,
    message: 'This is not an experience to keep: {problem}.',
    hint: 'An experience names region, place, kind, cells, time of day, severity, measure and whether it helped.',
  },
} as const;
