import { PURPOSE, uniform } from './hash.ts';

interface Path {
  dnai: string;
  delayMs: number;
  healthy: boolean;
}

/** Seconds in every hour in which the default path may suffer an incident. */
const INCIDENT_SECONDS = 60;

/**
 * Ways from the region's UPFs to the data network: the central one by default, an edge nearby and a
 * backup. The central one has a minute of trouble each hour: slower, and reported unhealthy.
 */
export function pathsOf(seed: number, regionId: string, regionIndex: number, second: number): Path[] {
  const hour = Math.floor((second % 86400) / 3600);
  const begins = uniform(seed, PURPOSE.path, regionIndex, hour) * (3600 - INCIDENT_SECONDS);
  const inHour = second % 3600;
  const trouble = inHour >= begins && inHour < begins + INCIDENT_SECONDS;
  const wobble = uniform(seed, PURPOSE.path, regionIndex, 1000, Math.floor((second % 86400) / 10));
  const tenth = (ms: number) => Math.round(ms * 10) / 10;
  return [
    { dnai: `central-${regionId}`, delayMs: tenth(14 + 3 * wobble + (trouble ? 45 : 0)), healthy: !trouble },
    { dnai: `edge-${regionId}`, delayMs: tenth(5 + wobble), healthy: true },
    { dnai: `backup-${regionId}`, delayMs: tenth(22 + 2 * wobble), healthy: true },
  ];
}
