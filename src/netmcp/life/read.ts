import { z } from 'zod';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';

/** The params of a vendor method. @throws RpcError -32602 */
export function read<T>(schema: z.ZodType<T>, params: unknown): T {
  const result = schema.safeParse(params ?? {});
  if (!result.success) throw new RpcError(INVALID_PARAMS, z.prettifyError(result.error).slice(0, 1_000));
  return result.data;
}
