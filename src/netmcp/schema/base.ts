/** Terms that every part of NetMCP 1.0 shares. The numbers in the comments are clauses of the wire profile. */
import { z } from 'zod';

export const EXTENSION = 'org.gtigroup/netmcp';
export const VERSION = '1.0';

/** 6. Our codes stay in -32003..-32019. */
export const ERROR_OVERLOADED = -32010;
/** 6. This server is not, or no longer, the owner of what was asked for; data names who is. */
export const ERROR_NOT_OWNER = -32011;
/** 4. The caller may not do this; data names what is missing. */
export const ERROR_FORBIDDEN = -32012;
/** 7. Compare-and-set met another revision. */
export const ERROR_CONFLICT = -32013;
/** 7. A limit of size, time or number is reached. */
export const ERROR_LIMIT = -32014;

export const name = z.string().min(1).max(128);
export const text = z.string().max(2_000);
/** 9. `https+h3:` is Streamable HTTP over HTTP/3, `quic:` one stream of QUIC. */
export const endpoint = z.url({ protocol: /^(https?|https\+h3|quic)$/ }).max(512);
export const percent = z.number().min(0).max(100);
export const count = z.number().int().min(0).max(1_000_000);

export const emptyResultSchema = z.object({});
