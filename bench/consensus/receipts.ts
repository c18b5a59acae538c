/** What a user of the notary waits for: from handing in a digest to holding its final receipt. */
import { randomBytes } from 'node:crypto';
import type { Link } from './link.ts';
import { Tally } from './tally.ts';
import type { LoadResult, ReceiptSample, ReceiptsCommand } from './types.ts';

const FINAL_MS_MAX = 30_000;
const DIGEST_BYTES = 32;
/** Clients start apart, so that they don't all meet the same moment of an anchor's interval. */
const APART_MS = 37;

/** So many receipts are kept to be verified when no clock runs. */
const SAMPLES_MAX = 16;

export async function runReceipts(
  links: readonly Link[],
  { clients, ms }: ReceiptsCommand,
): Promise<LoadResult> {
  const tally = new Tally();
  const samples: ReceiptSample[] = [];
  await Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      const link = links[i % links.length];
      if (link === undefined) return;
      await new Promise((done) => setTimeout(done, i * APART_MS));
      do {
        const sample = await oneReceipt(link, tally);
        if (samples.length < SAMPLES_MAX) samples.push(sample);
      } while (tally.elapsedMs < ms);
    }),
  );
  tally.endOffer();
  return { ...tally.result(), samples };
}

async function oneReceipt(link: Link, tally: Tally): Promise<ReceiptSample> {
  const digest = randomBytes(DIGEST_BYTES).toString('hex');
  const sentAt = performance.now();
  const { id } = await link.need('notary_submit', { algorithm: 'sha256', digest });
  tally.took(DIGEST_BYTES);
  const wanted = { id, waitFor: 'final', timeoutMs: FINAL_MS_MAX };
  const receipt = await link.need('notary_receipt', wanted);
  tally.final(sentAt);
  return { digest, receipt };
}
