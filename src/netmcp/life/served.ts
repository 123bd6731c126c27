import { failureOf } from '../../../machines/protocols/tool-call.machine.ts';
import type { ToolMeta } from '../schema/index.ts';
import type { NfTool, ToolContext } from '../tools/types.ts';
import type { Offer } from './offer.ts';

/** A tool as it lies on the shelf: one definition, whoever provides it. */
export function served(options: {
  lead: Offer;
  serviceArea: string[];
  permission?: ToolMeta['permission'];
  deprecated?: { since: string; replacedBy: string };
  /** The offers of this content now, the first one to be called first. */
  ranked(): Offer[];
  /** A provider was not reached by a call. */
  unreached(provider: string): void;
}): NfTool {
  const { lead, serviceArea, permission, deprecated } = options;
  return {
    ...lead.tool,
    meta: {
      ...lead.tool.meta,
      serviceArea,
      ...(permission && { permission }),
      ...(deprecated && {
        deprecated: {
          since: deprecated.since,
          ...(deprecated.replacedBy !== '' && { replacedBy: deprecated.replacedBy }),
        },
      }),
    },
    execute: (args, context) => execute(options, args, context),
  };
}

/** A provider that certainly was not reached makes room for the next one, within the same call. */
async function execute(
  { lead, ranked, unreached }: Parameters<typeof served>[0],
  args: unknown,
  context: ToolContext,
): Promise<Record<string, unknown>> {
  const offers = ranked();
  // A call of an older version ends on the provider that it began with.
  const line = offers.length === 0 ? [lead] : offers;
  for (const [index, offer] of line.entries()) {
    try {
      return await offer.tool.execute(args, context);
    } catch (error) {
      const { code, executed } = failureOf(error);
      const elsewhere = code === 'NF_NOT_REACHED' && executed === 'no' && !context.signal.aborted;
      if (code === 'NF_NOT_REACHED') unreached(offer.provider);
      if (!elsewhere || index === line.length - 1) throw error;
    }
  }
  throw new Error('no provider');
}
