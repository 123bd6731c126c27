import { z } from 'zod';
import { invalid, problem } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { json, snssai, supi } from './schemas.ts';

const binding = z.looseObject({
  supi: supi.optional(),
  ipv4Addr: z.ipv4(),
  dnn: z.string().min(1),
  snssai,
  pcfFqdn: z.string().optional(),
  pcfIpEndPoints: z.array(z.looseObject({ port: z.number().int().min(0).max(65_535).optional() })).optional(),
});
type Binding = z.output<typeof binding>;
const search = z.object({
  ipv4Addr: z.ipv4().optional(),
  supi: supi.optional(),
  dnn: z.string().optional(),
  snssai: json(snssai).optional(),
});
const ROOT = '/nbsf-management/v1/pcfBindings';
const CAPACITY = 100_000;

/** BSF: which PCF serves the PDU session of an address (TS 29.521). */
export function startBsf(context: NfContext): Promise<NetworkFunction> {
  const bindings = new Map<string, Binding>();
  let serial = 0;
  return startFunction(
    context,
    'BSF',
    [{ name: 'nbsf-management', version: 'v1' }],
    (server) => {
      server.route('POST', ROOT, { body: binding }, ({ body }) => {
        if (body.pcfFqdn === undefined && body.pcfIpEndPoints === undefined) {
          throw invalid('/pcfIpEndPoints', 'or pcfFqdn is needed');
        }
        const taken = [...bindings.values()].some(
          (one) => one.ipv4Addr === body.ipv4Addr && one.dnn === body.dnn,
        );
        if (taken) throw problem(403, 'EXISTING_BINDING_INFO_FOUND', `${body.ipv4Addr} is bound already`);
        const id = `bind${++serial}`;
        bindings.set(id, body);
        return { status: 201, body, headers: { location: `${server.url}${ROOT}/${id}` } };
      });
      server.route('GET', ROOT, { query: search }, ({ query }) => {
        const { ipv4Addr, supi: id, dnn, snssai: slice } = query;
        if (ipv4Addr === undefined && id === undefined) throw invalid('ipv4Addr', 'or supi is needed');
        const found = [...bindings.values()].find(
          (one) =>
            (ipv4Addr === undefined || one.ipv4Addr === ipv4Addr) &&
            (id === undefined || one.supi === id) &&
            (dnn === undefined || one.dnn === dnn) &&
            (slice === undefined || one.snssai.sst === slice.sst),
        );
        return found === undefined ? { status: 204 } : { status: 200, body: found };
      });
      server.route('DELETE', `${ROOT}/{id}`, {}, ({ params }) => {
        if (!bindings.delete(params.id ?? '')) throw problem(404, 'RESOURCE_NOT_FOUND', `No ${params.id}`);
        return { status: 204 };
      });
    },
    { load: () => bindings.size / CAPACITY, profile: { bsfInfo: { dnnList: ['internet'] } } },
  );
}
