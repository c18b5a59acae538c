import type { Verified } from '../receipt/index.ts';

/** What a receipt proved, for people: T2 first, then who says so (V6, F6, F8). */
export function verdictLines(verdict: Verified): string[] {
  return [
    ...timeLines(verdict),
    `  log ${verdict.origin}, offset ${verdict.offset} of ${verdict.size}`,
    ...logLines(verdict),
    ...chainLines(verdict),
  ];
}

function timeLines(verdict: Verified): string[] {
  const claimed = verdict.basis === 'policy' ? timeText(verdict.claimedTime) : undefined;
  if (verdict.final === undefined) return [`existed no later than ${claimed} (claimed by the log)`];
  const first = `existed no later than ${timeText(verdict.final.noLaterThan)} (final)`;
  return claimed === undefined ? [first] : [first, `  the log claims ${claimed}`];
}

/** Whose signatures are on the checkpoint. */
function logLines(verdict: Verified): string[] {
  if (verdict.basis === 'chain') {
    const { network, keyIds } = verdict.final;
    return [
      `  no keys are pinned for this log: that its replicas signed (keys ${keyIds.join(', ')}) is the word of the chain of ${network}`,
    ];
  }
  const covers = verdict.coversLiars
    ? 'enough even if some replicas lie'
    : 'covers crashes only: whoever holds these keys could lie';
  const names = verdict.signers.map(({ name }) => name).join(', ');
  return [
    `  signed by ${names}: ${verdict.signers.length} of ${verdict.keys} keys, ${verdict.threshold} needed, ${covers}`,
  ];
}

/** Who made it final (F2). */
function chainLines({ final }: Verified): string[] {
  if (final === undefined) return [];
  const { network, height, certifiedHeight, signers, validators, power, totalPower } = final;
  const later = certifiedHeight === height ? '' : `, by the history of block ${certifiedHeight}`;
  const names = signers.map(({ name }) => name).join(', ');
  return [
    `  final in block ${height} of ${network}, time ${timeText(final.time)}, and ${(final.noLaterThan - final.time) / 1_000} s that clocks may differ${later}`,
    `  voted for by ${names}: ${signers.length} of ${validators} validators with ${power} of ${totalPower} power, more than two thirds needed`,
  ];
}

/** The members of a verdict for programs: 64-bit integers are decimal strings, whatever they are called (E3). */
export function plainVerdict(verdict: Verified): Readonly<Record<string, unknown>> {
  const { final, ...rest } = verdict;
  if (final === undefined) return rest;
  const { height, certifiedHeight, time, noLaterThan } = final;
  const texts = Object.entries({ height, certifiedHeight, time, noLaterThan });
  const decimals = Object.fromEntries(texts.map(([name, value]) => [name, String(value)]));
  return { ...rest, final: { ...final, ...decimals } };
}

/** Beyond what a date can hold a number has to do: the signature is on it all the same. */
export function timeText(ms: number): string {
  return ms <= LAST_DATE_MS ? new Date(ms).toISOString() : `${ms} ms after 1970`;
}

/** ECMA-262 §21.4.1.1: the end of time values. */
const LAST_DATE_MS = 8.64e15;
