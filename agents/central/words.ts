import type { Journey } from '../../src/index.ts';

/** Times as the user reads them: in their own zone. */
export function clockOf(timeZone: string) {
  const day = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    timeZone,
  });
  const minute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone });
  const second = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZone,
  });
  return {
    /** `Wed 25 Nov 12:00 to 18:00`, with both days where they differ. */
    window({ start, end }: { start: number; end: number }): string {
      const [first, last] = [day.format(start), day.format(end)].map((text) => text.replace(',', ''));
      return `${first} ${minute.format(start)} to ${first === last ? '' : `${last} `}${minute.format(end)}`;
    },
    time: (t: number) => second.format(t),
  };
}

export type UserClock = ReturnType<typeof clockOf>;

/** What was understood, in one sentence. */
export function describe({ mode, destination, departure, service }: Journey, clock: UserClock): string {
  const where = destination === undefined ? '' : ` ${mode === 'stay' ? 'in' : 'to'} ${destination.name}`;
  const way =
    mode === 'stay' ? `you stay${where}` : `you ${mode}${where}, leaving ${clock.window(departure)}`;
  return (
    `Understood: ${way}; ${service.name} ${clock.window(service.window)} with ` +
    `${service.dlMbps} Mbit/s down, ${service.ulMbps} up, delay up to ${service.maxDelayMs} ms.`
  );
}
