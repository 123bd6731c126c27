import { problem } from '../../sbi/index.ts';
import type { FaultInjection } from '../fault-injection.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';

const ROOT = '/oam/v1';

/**
 * Operation and maintenance: the faults that are there, as alarms, and their repair. Not of 3GPP over this
 * interface; what it can tell is that of TS 28.532 11.2, fault supervision.
 */
export function startOam(
  context: NfContext,
  faults: FaultInjection,
  functions: readonly NetworkFunction[],
): Promise<NetworkFunction> {
  return startFunction(context, 'OAM', [{ name: 'oam', version: 'v1' }], (server) => {
    const alarms = () =>
      faults.list().map(({ id, kind, ...about }) => ({
        alarmId: id,
        probableCause: kind,
        // What it is about, under whatever name that has: a link, a function, a site, a cell, a slice.
        objectInstance: Object.entries(about)
          .filter(([name]) => ['link', 'instance', 'site', 'cell', 'dnn'].includes(name))
          .map(([, value]) => String(value))
          .join(' '),
      }));
    server.route('GET', `${ROOT}/alarms`, {}, () => ({ status: 200, body: { alarms: alarms() } }));
    server.route('POST', `${ROOT}/alarms/{id}/repair`, {}, async ({ params }) => {
      if (!(await faults.clear(params.id ?? '')))
        throw problem(404, 'ALARM_NOT_FOUND', `No alarm ${params.id}`);
      return { status: 204 };
    });
    server.route('POST', `${ROOT}/functions/{id}/restart`, {}, async ({ params }) => {
      const one = functions.find(({ instance }) => instance === params.id);
      if (one === undefined) throw problem(404, 'FUNCTION_NOT_FOUND', `No function ${params.id}`);
      if (one.nf === 'OAM' || one.nf === 'NRF') {
        throw problem(403, 'NOT_RESTARTED', `${one.nf} is not restarted from here`);
      }
      const ill = faults.list().filter((fault) => 'instance' in fault && fault.instance === one.instance);
      // A function that is dead is not killed again.
      if (!ill.some(({ kind }) => kind === 'nf-dead')) {
        await one.kill();
        await one.revive();
      }
      for (const { id } of ill) await faults.clear(id);
      return { status: 200, body: { repaired: ill.map(({ id }) => id) } };
    });
  });
}
