export interface QosCharacteristics {
  type: 'GBR' | 'NON_GBR' | 'DELAY_CRITICAL_GBR';
  priorityLevel: number;
  /** Packet delay budget, ms. */
  budgetMs: number;
  /** Packet error rate. */
  errorRate: number;
}

const row = (
  type: QosCharacteristics['type'],
  priorityLevel: number,
  budgetMs: number,
  errorRate: number,
): QosCharacteristics => ({ type, priorityLevel, budgetMs, errorRate });

/** Standardised 5QIs, TS 23.501 table 5.7.4-1. */
export const FIVE_QI: ReadonlyMap<number, QosCharacteristics> = new Map([
  [1, row('GBR', 20, 100, 1e-2)],
  [2, row('GBR', 40, 150, 1e-3)],
  [3, row('GBR', 30, 50, 1e-3)],
  [4, row('GBR', 50, 300, 1e-6)],
  [65, row('GBR', 7, 75, 1e-2)],
  [66, row('GBR', 20, 100, 1e-2)],
  [67, row('GBR', 15, 100, 1e-3)],
  [71, row('GBR', 56, 150, 1e-6)],
  [72, row('GBR', 56, 300, 1e-4)],
  [73, row('GBR', 56, 300, 1e-8)],
  [74, row('GBR', 56, 500, 1e-8)],
  [76, row('GBR', 56, 500, 1e-4)],
  [5, row('NON_GBR', 10, 100, 1e-6)],
  [6, row('NON_GBR', 60, 300, 1e-6)],
  [7, row('NON_GBR', 70, 100, 1e-3)],
  [8, row('NON_GBR', 80, 300, 1e-6)],
  [9, row('NON_GBR', 90, 300, 1e-6)],
  [69, row('NON_GBR', 5, 60, 1e-6)],
  [70, row('NON_GBR', 55, 200, 1e-6)],
  [79, row('NON_GBR', 65, 50, 1e-2)],
  [80, row('NON_GBR', 68, 10, 1e-6)],
  [82, row('DELAY_CRITICAL_GBR', 19, 10, 1e-4)],
  [83, row('DELAY_CRITICAL_GBR', 22, 10, 1e-4)],
  [84, row('DELAY_CRITICAL_GBR', 24, 30, 1e-5)],
  [85, row('DELAY_CRITICAL_GBR', 21, 5, 1e-5)],
]);
