/** Receipts out of the measured answers, verified as a stranger would: by pinned keys, with receipt/ alone. */
import { fromHex } from '../base/bytes.ts';
import { receiptFromJson, type TrustStore, verifyReceipt } from '../receipt/index.ts';
import { BenchError } from './errors.ts';
import type { Sample } from './load/index.ts';

/** Throws `bench/wrong-answer` at the first receipt that does not verify. */
export function verifySamples(samples: readonly Sample[], trust: TrustStore): void {
  if (samples.length === 0)
    throw new BenchError('bench/wrong-answer', 'no answer was kept to verify');
  for (const sample of samples) {
    const answer = JSON.parse(sample.answer) as { result?: { receipt?: unknown } };
    const receipt = receiptFromJson(answer.result?.receipt);
    if (!receipt.ok)
      throw new BenchError('bench/wrong-answer', `a receipt is malformed: ${receipt.message}`);
    const verified = verifyReceipt(
      receipt.value,
      fromHex(sample.digest) ?? new Uint8Array(),
      trust,
    );
    if (!verified.ok)
      throw new BenchError('bench/wrong-answer', `a receipt does not verify: ${verified.message}`);
  }
}
