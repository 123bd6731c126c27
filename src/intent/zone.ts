/** A calendar day and time as a wall clock shows it. */
export interface WallTime {
  year: number;
  /** 1..12 */
  month: number;
  day: number;
  hour: number;
  minute: number;
}

/** Offset of an IANA or `+08:00` zone from UTC at `t`, minutes. Throws RangeError for an unknown zone. */
export function offsetMinutes(t: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(t);
  const part = (type: string) => Number(parts.find((p) => p.type === type)?.value ?? 0);
  const wall = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return Math.round((wall - Math.floor(t / 1000) * 1000) / 60_000);
}

export function wallOf(t: number, timeZone: string): WallTime {
  const shifted = new Date(t + offsetMinutes(t, timeZone) * 60_000);
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
  };
}

/** Minutes after midnight of that day, in that zone, as epoch ms; over 1440 is the next day. */
export function epochOf(
  day: Pick<WallTime, 'year' | 'month' | 'day'>,
  minutes: number,
  timeZone: string,
): number {
  const asUtc = Date.UTC(day.year, day.month - 1, day.day, 0, minutes);
  const first = asUtc - offsetMinutes(asUtc, timeZone) * 60_000;
  return asUtc - offsetMinutes(first, timeZone) * 60_000;
}
