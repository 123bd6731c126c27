import { createHash } from 'node:crypto';

/**
 * The id of what a task asks of another agent, shaped as an RFC 9562 version 4 UUID: the same task and
 * step give the same id in every life of the process, so that the other side knows it again.
 */
export function childId(taskId: string, step: string): string {
  const hex = createHash('sha256').update(`${taskId}\n${step}`).digest('hex');
  const variant = ((Number.parseInt(hex[16] as string, 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
