/**
 * Facts that situations are compared by, with the range in which they usually lie: a difference of the
 * whole range is a distance of 1.
 */
export const FACTS: Readonly<Record<string, readonly [low: number, high: number]>> = {
  rsrpP5Dbm: [-125, -85],
  sinrP5Db: [-10, 20],
  iotDb: [0, 8],
  prbDlPercent: [0, 100],
  prbUlPercent: [0, 100],
  connectedPerCell: [0, 60],
  speedP95Mps: [0, 40],
};
