import type { Kind, ToolMeta } from '../netmcp/index.ts';
import { brief } from './flatten.ts';
import type { Operation } from './operations.ts';

/** `session_create` style words of an operation id, a summary or a path. */
function words(text: string): string[] {
  return text
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== '');
}

/** `npcf-smpolicycontrol` and CreateSMPolicy -> `npcf_smpolicycontrol_create_sm_policy`. */
export function nameOf(operation: Operation): string {
  const api = words(operation.api.replace(/^3gpp-/, '')).join('_');
  const own =
    operation.id === '' ? words(`${operation.method} ${idPath(operation.path)}`) : words(operation.id);
  return `${api}_${own.join('_')}`
    .replace(/^(?=\d)/, 'api_')
    .slice(0, 120)
    .replace(/_+$/, '');
}

/** The path without braces, its parameters as `by x`. */
const idPath = (path: string) => path.replace(/\{([^}]+)\}/g, 'by $1');

export function titleOf(operation: Operation): string {
  const text = brief(operation.summary || words(operation.id || idPath(operation.path)).join(' '), 100);
  const api = operation.title.replace(/\s+/g, ' ').trim();
  const title = text === '' ? operation.id : text;
  return title.length < 40 && api !== '' && !title.toLowerCase().includes(api.toLowerCase())
    ? `${title} (${brief(api, 50)})`
    : title;
}

const VERB: Record<Operation['method'], string> = {
  GET: 'Reads',
  POST: 'Sends',
  PUT: 'Sets',
  PATCH: 'Changes',
  DELETE: 'Deletes',
};

/** What it does, needs and gives, in words that a search finds. */
export function descriptionOf(
  operation: Operation,
  needs: readonly string[],
  gives: readonly string[],
  most = 420,
): string {
  const { api, title, path, summary, description, method } = operation;
  const said = brief(summary || words(operation.id).join(' '), 160);
  const more = brief(description, 160);
  const parts = [
    said === '' ? `${VERB[method]} ${words(idPath(path)).join(' ')}` : said,
    more !== '' && !same(more, said) ? more : '',
    `${VERB[method]} ${words(path.replace(/\{[^}]+\}/g, '')).join(' ') || 'the resource'} of ${brief(title || api, 60)}`,
    needs.length > 0 ? `Needs ${needs.slice(0, 6).join(', ')}` : '',
    gives.length > 0 ? `Gives ${gives.slice(0, 6).join(', ')}` : '',
  ];
  const text = parts.filter((part) => part !== '').join('. ');
  return text.length <= most ? `${text}.` : `${text.slice(0, most - 1).replace(/\s+\S*$/, '')}…`;
}

const same = (a: string, b: string) =>
  words(a).join(' ').startsWith(words(b).join(' ').slice(0, 40)) && b !== '';

/** What people call it, beside what the specification does. */
const SYNONYMS: Array<[RegExp, string[]]> = [
  [
    /qos|quality.on.demand|policyauthorization|smpolicy/i,
    ['QoS', 'guaranteed bandwidth', 'low latency', 'video call'],
  ],
  [/location|nlmf|ngmlc|geofenc|position/i, ['location', 'position', 'where is the device']],
  [/slice|nssai|nssf|nsacf/i, ['network slice', 'S-NSSAI']],
  [/nwdaf|analytics|mlmodel|insight|predict/i, ['analytics', 'prediction', 'congestion', 'load']],
  [/charg|nchf/i, ['charging', 'billing', 'quota']],
  [/nfm|nf.?management|nf.?instance|nrf/i, ['register a network function', 'NF profile', 'heartbeat']],
  [/disc\b|discovery/i, ['discover', 'find a network function']],
  [/pdu.?session|nsmf/i, ['PDU session', 'data connection']],
  [/roam/i, ['roaming', 'visited network']],
  [/traffic.?influence|eas|edge/i, ['edge', 'steer traffic']],
  [/udm|udr|subscription.?data|sdm|uecm|nudr/i, ['subscriber data', 'subscription', 'profile']],
  [/bdt|background|pdtq/i, ['background transfer', 'planned transfer']],
  [/am-?policy|npcf-am/i, ['access and mobility policy', 'UE policy']],
  [/intent/i, ['intent', 'expectation']],
  [/event|subscri|monitor/i, ['events', 'notification', 'subscribe']],
  [/fault|alarm/i, ['alarm', 'fault']],
];

export function labelsOf(operation: Operation): string[] {
  const text = `${operation.api} ${operation.id} ${operation.path} ${operation.title} ${operation.summary}`;
  const found = SYNONYMS.filter(([pattern]) => pattern.test(text)).flatMap(([, labels]) => labels);
  return [...new Set([...found, ...operation.tags.map((tag) => brief(tag, 40))])].slice(0, 8);
}

export interface Class {
  category: ToolMeta['category'];
  kind: Kind;
  effects: ToolMeta['effects'];
  idempotent: boolean;
}

const CATEGORY: Array<[RegExp, ToolMeta['category']]> = [
  [/\b(nf-?m|disc|nrf|oauth|mns|prov|fault|heartbeat|file)/i, 'management'],
  [/location|geofenc|nlmf|ngmlc|mobility|roam|reachab|uecm/i, 'mobility'],
  [/analytics|nwdaf|insight|predict|datamanagement|event|ndccf|nadrf|mfaf|monitor|perf/i, 'data'],
  [/policy|pcf|qos|quality|slice|charg|bdt|pdtq|nssf|intent/i, 'policy'],
  [/edge|eas|comput/i, 'computing'],
  [/sens/i, 'sensing'],
  [/udr|subscription.?data|application.?data|udsf|storage/i, 'storage'],
];

/** Asked by POST because the question has a body. */
const ASKS =
  /^(get|retrieve|verify|check|query|search|find|fetch|read|list|provide|discover)(?![a-z])|^(get|retrieve|verify|check|query|search|fetch|list)[A-Z]/;
const LAST = /\/(retrieve[\w-]*|verify|check[\w-]*|search|fetch|query|provide-(loc|pos)-info|metrics)$/i;

/** Category, kind of the white paper (3.2.1), and what a call does to the network. */
export function classOf(operation: Operation): Class {
  const { method, path, id, api, title } = operation;
  const text = `${api} ${id} ${title} ${path}`;
  const asks =
    method === 'POST' && (ASKS.test(id) || LAST.test(path)) && !/notif|subscri(be|ption)s?$/i.test(id);
  const read = method === 'GET' || asks;
  const effects = read
    ? 'read'
    : method === 'DELETE' || /\/(delete|release|terminate)$/i.test(path)
      ? 'irreversible'
      : 'reversible';
  return {
    category: CATEGORY.find(([pattern]) => pattern.test(text))?.[1] ?? 'connectivity',
    kind: kindOf(text, read),
    effects,
    idempotent: read || method === 'PUT' || method === 'DELETE',
  };
}

function kindOf(text: string, read: boolean): Kind {
  const data = /analytics|nwdaf|event|datamanagement|monitor|perf|insight|predict|trace|report|history/i.test(
    text,
  );
  if (read) return data ? 'data collection' : 'status perception';
  if (/failover|recover|restor|relocat|transfer|redundan|alarm|fault|backup|reselect/i.test(text))
    return 'redundancy recovery';
  if (/qos|quality|policy.?auth|smpolicy|tsc|charg|pdtq|bdt|priority/i.test(text))
    return 'performance assurance';
  if (
    /pdu.?session|context|registration|handover|mobility|traffic.?influence|location|access|n1.?n2|roam|auth/i.test(
      text,
    )
  )
    return 'connection control';
  return data ? 'data collection' : 'resource management';
}

/** NF type of TS 29.510 out of `n<nf>-service`; empty for others. */
export function nfOf(api: string): string {
  // The northbound APIs of TS 29.522 and TS 29.122 are the NEF's.
  if (/^3gpp-/.test(api)) return 'NEF';
  const found = /^n(\d?[a-z]+(?:-ddnmf)?)[-_]/i.exec(api)?.[1];
  if (found === undefined) return '';
  return found.toUpperCase().replace('5G-DDNMF', '5G_DDNMF');
}
