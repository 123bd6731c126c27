import { z } from 'zod';
import { endpoint, name } from './base.ts';

/** 4. Tool servers that authenticated and are not let in yet. */
export const unapprovedResultSchema = z.object({
  servers: z.array(
    z.object({
      serverId: name,
      subject: z.string(),
      endpoints: z.array(endpoint),
      summary: z.string(),
      /** ms since the epoch. */
      since: z.number(),
    }),
  ),
});

export const approveParamsSchema = z.object({ serverId: name });
