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
    mustVerify({ digest: sample.digest, receipt: answer.result?.receipt }, trust);
  }
}

/** The same for receipts that were said to be final: each must be so by the pinned trust root. */
export function verifyFinal(
  samples: readonly { readonly digest: string; readonly receipt: unknown }[],
  trust: TrustStore,
): void {
  if (samples.length === 0)
    throw new BenchError('bench/wrong-answer', 'no receipt was kept to verify');
  for (const sample of samples) {
    const level = mustVerify(sample, trust);
    if (level !== 'final')
      throw new BenchError('bench/wrong-answer', `a receipt is at level ${level}, not final`);
  }
}

function mustVerify(
  sample: { readonly digest: string; readonly receipt: unknown },
  trust: TrustStore,
): string {
  const receipt = receiptFromJson(sample.receipt);
  if (!receipt.ok)
    throw new BenchError('bench/wrong-answer', `a receipt is malformed: ${receipt.message}`);
  const digest = fromHex(sample.digest) ?? new Uint8Array();
  const verified = verifyReceipt(receipt.value, digest, trust);
  if (!verified.ok)
    throw new BenchError('bench/wrong-answer', `a receipt does not verify: ${verified.message}`);
  return verified.level;
}
