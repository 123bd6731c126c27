/** A binary part beside the JSON of a message (TS 29.500 5.2.3.2, RFC 2387). */
export interface Attachment {
  /** Named by RefToBinaryData in the JSON. */
  contentId: string;
  contentType: string;
  data: Uint8Array;
}

export const MULTIPART = 'multipart/related';
/** No JSON text and no NAS message of ours has these bytes. */
const BOUNDARY = '----netagent-sbi-part';

/** Writes a message with its JSON first; `contentType` carries the boundary. */
export function writeMultipart(
  json: unknown,
  attachments: readonly Attachment[],
): { contentType: string; body: Buffer } {
  const chunks: Buffer[] = [];
  const part = (headers: string[], data: Uint8Array) =>
    chunks.push(Buffer.from(`--${BOUNDARY}\r\n${headers.join('\r\n')}\r\n\r\n`), Buffer.from(data), CRLF);
  part(['Content-Type: application/json'], Buffer.from(JSON.stringify(json)));
  for (const { contentId, contentType, data } of attachments) {
    part([`Content-Type: ${contentType}`, `Content-Id: ${contentId}`], data);
  }
  chunks.push(Buffer.from(`--${BOUNDARY}--\r\n`));
  return { contentType: `${MULTIPART}; boundary=${BOUNDARY}`, body: Buffer.concat(chunks) };
}

/** The JSON of the first part, as text; undefined where the message is not of this form. */
export function jsonPart(body: Buffer, contentType: string): string | undefined {
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) return undefined;
  const marker = Buffer.from(`--${boundary}`);
  const starts = body.indexOf(marker);
  const head = body.indexOf(BLANK, starts);
  const ends = body.indexOf(Buffer.concat([CRLF, marker]), head);
  if (starts < 0 || head < 0 || ends < 0) return undefined;
  const type = body.subarray(starts, head).toString('latin1');
  if (!/content-type:\s*application\/json/i.test(type)) return undefined;
  return body.subarray(head + BLANK.length, ends).toString('utf8');
}

const CRLF = Buffer.from('\r\n');
const BLANK = Buffer.from('\r\n\r\n');
