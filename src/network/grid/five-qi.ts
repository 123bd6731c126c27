/** Default priority level, packet delay budget (ms) and error rate of TS 23.501 table 5.7.4-1. */
const ROWS: ReadonlyArray<[fiveQi: number, priority: number, budgetMs: number, errorRate: number]> = [
  [1, 20, 100, 1e-2],
  [2, 40, 150, 1e-3],
  [3, 30, 50, 1e-3],
  [4, 50, 300, 1e-6],
  [65, 7, 75, 1e-2],
  [66, 20, 100, 1e-2],
  [67, 15, 100, 1e-3],
  [71, 56, 150, 1e-6],
  [72, 56, 300, 1e-4],
  [73, 56, 300, 1e-8],
  [74, 56, 500, 1e-8],
  [76, 56, 500, 1e-4],
  [5, 10, 100, 1e-6],
  [6, 60, 300, 1e-6],
  [7, 70, 100, 1e-3],
  [8, 80, 300, 1e-6],
  [9, 90, 300, 1e-6],
  [69, 5, 60, 1e-6],
  [70, 55, 200, 1e-6],
  [79, 65, 50, 1e-2],
  [80, 68, 10, 1e-6],
  [82, 19, 10, 1e-4],
  [83, 22, 10, 1e-4],
  [84, 24, 30, 1e-5],
  [85, 21, 5, 1e-5],
  [86, 18, 5, 1e-4],
];

const TABLE = new Map(
  ROWS.map(([fiveQi, priority, budgetMs, errorRate]) => [fiveQi, { priority, budgetMs, errorRate }]),
);

/** Characteristics of a standardised 5QI; undefined for others. */
export const characteristicsOf = (fiveQi: number) => TABLE.get(fiveQi);

/** Priority level of a 5QI; that of the default bearer for one that the table does not have. */
export const priorityOf = (fiveQi: number): number => TABLE.get(fiveQi)?.priority ?? 90;
