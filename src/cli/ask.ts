import { fail } from '../errors.ts';
import { connectAsker, startRuntime } from '../runtime/index.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { runtimeOptions } from './runtime-options.ts';
import { converse, stopSignal } from './start.ts';

/** `netagent ask TEXT`: over HTTP to a running runtime, or with one started for the purpose. */
export async function runAsk(parsed: Parsed, output: Output): Promise<number> {
  const text = parsed.positionals.join(' ').trim();
  if (text === '') throw fail('CLI_USAGE', { problem: 'Say what you need, in quotes.', verb: 'ask' });
  const options = runtimeOptions(parsed, { fixedPorts: false });
  const { timeZone } = options;
  const stop = stopSignal();
  try {
    if (parsed.values.to !== undefined) {
      const asker = await connectAsker(parsed.values.to);
      return await converse(asker, text, output, { signal: stop.signal, timeZone });
    }
    const runtime = await startRuntime(options);
    try {
      return await converse(runtime, text, output, { signal: stop.signal, timeZone });
    } finally {
      await runtime.close();
    }
  } finally {
    stop.dispose();
  }
}
