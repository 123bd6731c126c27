/** Sector antenna of TR 38.901 table 7.3-1: element pattern, with the array gain added to its maximum. */

export interface Panel {
  azimuthDeg: number;
  /** Mechanical and electrical tilt together, downwards positive. */
  tiltDeg: number;
  /** Element gain (8 dBi) plus array gain. */
  maxGainDbi: number;
}

/** Gain in dBi towards a direction: azimuth clockwise from north, zenith 90 = horizon, > 90 below it. */
export function sectorGain(panel: Panel, azimuthDeg: number, zenithDeg: number): number {
  let phi = (azimuthDeg - panel.azimuthDeg) % 360;
  if (phi > 180) phi -= 360;
  else if (phi < -180) phi += 360;
  const vertical = Math.min(12 * ((zenithDeg - 90 - panel.tiltDeg) / 65) ** 2, 30);
  const horizontal = Math.min(12 * (phi / 65) ** 2, 30);
  return panel.maxGainDbi - Math.min(vertical + horizontal, 30);
}
