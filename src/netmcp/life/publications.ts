import type { Env } from '../../../machines/ports.ts';
import type { SbiPort } from '../toolserver/call.ts';
import type { Book } from './book.ts';
import type { NfPublication } from './nrf-watch.ts';
import type { Offer } from './offer.ts';
import { readPublished } from './published.ts';

/** Takes what NFs publish through the NRF into the book, and out of it again (NetMCP 5). */
export function followPublications(options: { env: Env; book: Book; sbi: SbiPort }) {
  const { env, book, sbi } = options;
  /** Names by instance. */
  const names = new Map<string, Set<string>>();
  const providerOf = (instance: string) => `nrf:${instance}`;

  return {
    published({ instance, type, base, summary, tools }: NfPublication): void {
      const provider = providerOf(instance);
      // The NRF lets in who may be there (TS 29.510 5.2.2.2): what it lists is trusted as a publisher.
      const by = { provider, origin: 'nrf' as const, summary, nf: { type, base }, trusted: true, sbi };
      const offers: Offer[] = [];
      for (const raw of tools) {
        try {
          offers.push(readPublished(raw, by));
        } catch (error) {
          const problem = error instanceof Error ? error.message : String(error);
          env.log.warn({ provider, problem: problem.slice(0, 300) }, 'published tool is not valid');
        }
      }
      const now = new Set(offers.map(({ name }) => name));
      for (const name of names.get(instance) ?? []) {
        if (!now.has(name)) void book.remove(name, provider, '');
      }
      names.set(instance, now);
      // Not awaited: one tool that is long examined holds up nobody else.
      for (const offer of offers) {
        void book.publish(offer).then(({ taken, state, reason, score }) => {
          env.log.info(
            { provider, tool: offer.name, taken, state, reason, score },
            'tool published by an NF',
          );
        });
      }
    },
    gone(instance: string, reason: string): void {
      names.delete(instance);
      book.lost(providerOf(instance), reason);
    },
  };
}
