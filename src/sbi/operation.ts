/**
 * Name of a request for people and records: `POST /npcf-policyauthorization/v1/app-sessions/{id}/delete`.
 * After the version, a segment with a digit is an id, and so is what stands behind a `=`.
 */
export function operationOf(method: string, path: string): string {
  const segments = (path.split('?')[0] ?? '').split('/');
  const version = segments.findIndex((segment) => /^v\d+$/.test(segment));
  const named = segments.map((segment, at) => {
    if (at <= version) return segment;
    const equals = segment.indexOf('=');
    if (equals >= 0) return `${segment.slice(0, equals)}={id}`;
    return /\d/.test(segment) ? '{id}' : segment;
  });
  return `${method} ${named.join('/')}`;
}
