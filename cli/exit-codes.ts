/** What the exit code of every command means; docs/spec/cli.md prints this table and a test holds them equal (E1). */
export const EXIT = {
  ok: {
    code: 0,
    meaning:
      'done; for `verify`: everything verified at `checkpoint` or above, at `final` with `--level final`',
  },
  failed: { code: 1, meaning: 'failed or refused; for `verify`: at least one file is not proved' },
  usage: { code: 2, meaning: 'wrong usage or configuration' },
  notSigned: {
    code: 3,
    meaning:
      'not yet: the receipt is below `checkpoint` or the level waited for, or the transaction is not final; ask again',
  },
  unreachable: { code: 4, meaning: 'no node found or it does not answer' },
  partial: { code: 5, meaning: 'some of several files were done, others not' },
  internal: { code: 6, meaning: 'internal error: a bug' },
  interrupted: { code: 130, meaning: 'interrupted (128 + number of the signal)' },
} as const satisfies Record<string, { code: number; meaning: string }>;

export type ExitName = keyof typeof EXIT;
export type ExitCode = (typeof EXIT)[ExitName]['code'];

/** Codes whose exit code is not "failed". */
const BY_CODE: Readonly<Record<string, ExitName>> = {
  'cli/usage': 'usage',
  'cli/no-node': 'unreachable',
  'cli/interrupted': 'interrupted',
  'devnet/not-running': 'unreachable',
  'client/unreachable': 'unreachable',
  'client/no-answer': 'unreachable',
  'client/connection-lost': 'unreachable',
  'client/invalid-argument': 'usage',
  'node/bad-config': 'usage',
  'receipt/not-signed': 'notSigned',
  'notary/no-checkpoint': 'notSigned',
  'notary/not-anchored': 'notSigned',
  'notary/outcome-unknown': 'notSigned',
};

/** Exit code of an error code (E1). */
export function exitOf(code: string): ExitCode {
  return EXIT[BY_CODE[code] ?? 'failed'].code;
}
