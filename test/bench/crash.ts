import { mkdtempSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { campaign } from './crash/campaign.ts';

/** `npm run bench:crash`: kill -9 under load, restart on the same data, count what was lost or done twice. */
const kills = Number(process.env.KILLS ?? 1_000);
const seed = Number(process.env.SEED ?? 1);
const print = (line: string) => process.stdout.write(`${line}\n`);

print(
  `${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}; ${kills} kills, seed ${seed}`,
);
const result = await campaign({
  kills,
  seed,
  dataDir: mkdtempSync(join(tmpdir(), 'crash-')),
  inFlight: 8,
  onProgress: (killed, accepted) => {
    if (killed % 50 === 0 || process.env.VERBOSE) print(`${killed} kills, ${accepted} tasks accepted`);
  },
});
const times = [...result.recoveries].sort((a, b) => a - b);
const p95 = times[Math.floor(0.95 * times.length)] ?? 0;
print(
  `accepted ${result.accepted}, recovery p50 ${(times[times.length >> 1] ?? 0).toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`,
);
for (const [what, ids] of Object.entries({
  lost: result.lost,
  'ended twice': result.endedTwice,
  doubled: result.doubled,
})) {
  if (ids.length > 0) print(`${what}: ${ids.slice(0, 10).join(', ')}`);
}
const none = (name: string, value: number) => ({ name, value, unit: 'tasks', goal: '0', ok: value === 0 });
print(
  JSON.stringify({
    bench: 'crash',
    goals: [
      none('accepted tasks lost', result.lost.length),
      none('tasks that ended more than once', result.endedTwice.length),
      none('effects doubled', result.doubled.length),
      { name: 'recovery p95', value: Math.round(p95), unit: 'ms', goal: '< 2000', ok: p95 < 2_000 },
    ],
  }),
);
process.exit(0);
