import { createInterface } from 'node:readline/promises';
import { type AskResult, type Runtime, startRuntime } from '../runtime/index.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { report } from './report.ts';
import { runtimeOptions } from './runtime-options.ts';

/** `netagent start`: runs until it is stopped, or with `--once` until the request is done. */
export async function runStart(parsed: Parsed, output: Output): Promise<number> {
  const text = parsed.values.ask;
  const once = parsed.switches.has('once');
  const options = runtimeOptions(parsed, { fixedPorts: !once });
  const runtime = await startRuntime(options);
  const stop = stopSignal();
  try {
    announce(runtime, output);
    const code =
      text === undefined
        ? 0
        : await converse(runtime, text, output, { signal: stop.signal, timeZone: options.timeZone });
    if (once || stop.signal.aborted) return stop.signal.aborted ? 130 : code;
    await stop.requested;
    return 0;
  } finally {
    await runtime.close();
    stop.dispose();
  }
}

/** Sends the request, shows what happens, asks back at a terminal, and reports. Exit code as result. */
export async function converse(
  asker: Pick<Runtime, 'ask'>,
  text: string,
  output: Output,
  { signal, timeZone }: { signal: AbortSignal; timeZone: string },
): Promise<number> {
  output.text(`\n> ${text}\n`);
  let result = await asker.ask({ text }, { signal, onProgress: (note) => showProgress(note, output) });
  while (result.state === 'input-required' && process.stdin.isTTY && !output.json) {
    const answer = await question(`${result.text}\n> `, signal);
    if (answer === '') break;
    result = await asker.ask(
      { text: answer, taskId: result.taskId, contextId: result.contextId },
      { signal, onProgress: (note) => showProgress(note, output) },
    );
  }
  return conclude(result, output, timeZone);
}

function conclude(result: AskResult, output: Output, timeZone: string): number {
  if (result.state === 'completed' && result.outcome !== undefined) {
    output.text(`\n${report(result.outcome, timeZone)}`);
    output.value({ type: 'result', ...result.outcome });
    return 0;
  }
  output.text(`\n${result.text}`);
  output.value({ type: 'result', state: result.state, text: result.text, detail: result.detail ?? null });
  return 1;
}

function showProgress(note: { text: string; data: unknown }, output: Output): void {
  output.text(`  ${note.text}`);
  output.value({
    type: 'progress',
    text: note.text,
    ...(note.data === undefined ? {} : { data: note.data }),
  });
}

function announce({ ready }: Runtime, output: Output): void {
  output.text(
    `netagent is ready: A2A ${ready.a2a} (gRPC ${ready.grpc}), bus ${ready.mqtt}, NetMCP ${ready.netmcp.management}` +
      ` (${ready.agents} agents, ${ready.tools} tools, ${ready.cells} cells; durability ${ready.durability}).`,
  );
  output.value({
    ready: true,
    console: ready.console,
    a2a: ready.a2a,
    camara: ready.camara,
    grpc: ready.grpc,
    mqtt: ready.mqtt,
    ws: ready.ws,
    netmcp: ready.netmcp,
    nrf: ready.nrf,
  });
}

async function question(prompt: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question(prompt, { signal })).trim();
  } finally {
    terminal.close();
  }
}

/** First SIGINT or SIGTERM asks for a stop; a second one stops at once. */
export function stopSignal() {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
    resolve();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    requested: promise,
    dispose() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
