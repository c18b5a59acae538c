import { existsSync, statSync } from 'node:fs';
import { PyralogError } from '../../base/errors.ts';
import {
  parseOrigin,
  type Receipt,
  type Refusal,
  type TrustStore,
  type Verified,
  verifyReceipt,
} from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode, exitOf } from '../exit-codes.ts';
import { hashFile, hashStream } from '../hash-file.ts';
import { Progress } from '../progress.ts';
import { readReceipt } from '../receipt-file.ts';
import { findTrustFile, HOW_TO_PIN_CHAIN, HOW_TO_TRUST, readTrustFile } from '../trust-file.ts';
import { plainVerdict, verdictLines } from '../verdict-text.ts';
import { findFiles, isReceiptPath, RECEIPT_SUFFIX, receiptPathOf } from '../walk.ts';

export interface VerifyFlags {
  readonly trust?: string;
  readonly receipt?: string;
  /** What a receipt must prove at least. */
  readonly level: 'checkpoint' | 'final';
}

interface Target {
  readonly file: string;
  readonly receipt: string;
  /** Why neither can be read; such a one is a doubt, never passed over. */
  readonly unreadable?: string;
}

interface FileVerdict extends Target {
  readonly verdict:
    | Verified
    | { readonly ok: false; readonly code: string; readonly message: string };
}

interface Trust {
  /** `undefined` when there is none; the receipt is still read and the data compared. */
  readonly path: string | undefined;
  readonly store: TrustStore;
}

/** `pyralog verify`: offline, on pinned keys alone (V5). Loads no native code and opens no connection. */
export async function verify(
  context: Context,
  paths: readonly string[],
  flags: VerifyFlags,
): Promise<ExitCode> {
  const path = findTrustFile(context, flags.trust);
  const trust: Trust = { path, store: path === undefined ? { policies: [] } : readTrustFile(path) };
  const { targets, unreceipted } = targetsOf(paths, flags.receipt);
  const total = targets.reduce((sum, { file }) => sum + sizeOf(file), 0);
  const progress = new Progress(context, paths.includes('-') ? undefined : total);
  const verdicts: FileVerdict[] = [];
  for (const target of targets) {
    const found = await judge(context, { target, trust, progress });
    const verdict = flags.level === 'final' ? demandFinal(found) : found;
    progress.end();
    verdicts.push({ ...target, verdict });
    printVerdict(context, target, verdict);
  }
  return summarize(context, { verdicts, unreceipted, trust });
}

/** Below `final` the time is the word of the log's operator: whoever demands more gets a doubt, not a lesser proof. */
function demandFinal(verdict: FileVerdict['verdict']): FileVerdict['verdict'] {
  if (!verdict.ok || verdict.final !== undefined) return verdict;
  return {
    ok: false,
    code: 'receipt/not-signed',
    message: `good at ${verdict.level}, but not final; run \`pyralog upgrade --wait final\` on it`,
  };
}

/** One file with its receipt; a directory stands for every receipt below it. */
function targetsOf(
  paths: readonly string[],
  receipt: string | undefined,
): { targets: Target[]; unreceipted: number } {
  const beside = besideOf(paths, receipt);
  if (beside !== undefined) return { targets: [beside], unreceipted: 0 };
  if (paths.includes('-')) {
    throw cliError('cli/usage', '-: standard input needs its receipt: verify - RECEIPT.pyr.json');
  }
  const targets: Target[] = [];
  let unreceipted = 0;
  for (const path of paths) {
    if (!existsSync(path) || !statSync(path).isDirectory()) {
      const file = isReceiptPath(path) ? path.slice(0, -RECEIPT_SUFFIX.length) : path;
      targets.push({ file, receipt: receiptPathOf(file) });
      continue;
    }
    const found = findFiles([path]);
    const withReceipt = found.receipts.map((name) => name.slice(0, -RECEIPT_SUFFIX.length));
    const known = new Set(withReceipt);
    unreceipted += found.files.filter((file) => !known.has(file.path)).length;
    targets.push(...withReceipt.map((file) => ({ file, receipt: receiptPathOf(file) })));
    for (const { path: file, message } of found.unreadable)
      targets.push({ file, receipt: receiptPathOf(file), unreadable: message });
  }
  return { targets, unreceipted };
}

/** `verify FILE RECEIPT`: the receipt need not be called as the file is. Two receipts are two targets. */
function besideOf(paths: readonly string[], receipt: string | undefined): Target | undefined {
  const [file = '', second] = paths;
  const asSecond =
    paths.length === 2 && second !== undefined && isReceiptPath(second) && !isReceiptPath(file);
  const beside = asSecond ? second : receipt;
  if (beside === undefined) return undefined;
  if (paths.length > 2 || (paths.length === 2 && !asSecond)) {
    throw cliError('cli/usage', 'a receipt of its own goes with one file: verify FILE RECEIPT');
  }
  return { file, receipt: beside };
}

async function judge(
  context: Context,
  { target, trust, progress }: { target: Target; trust: Trust; progress: Progress },
): Promise<FileVerdict['verdict']> {
  if (target.unreadable !== undefined)
    return { ok: false, code: 'cli/file', message: target.unreadable };
  try {
    if (isNeitherThere(target)) throw cliError('cli/file', `${target.file}: no such file`);
    const parsed = readReceipt(target.receipt);
    if (!parsed.ok) return parsed;
    const { algorithm } = parsed.value.record;
    const options = { signal: context.signal, onBytes: (bytes: number) => progress.add(bytes) };
    const digest =
      target.file === '-'
        ? await hashStream(process.stdin, algorithm, options)
        : await hashFile(target.file, algorithm, options);
    const verdict = verifyReceipt(parsed.value, digest, trust.store);
    return verdict.ok ? verdict : explain(verdict, parsed.value, trust);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof PyralogError)
      return { ok: false, code: error.code, message: error.message };
    throw error;
  }
}

/** Without the file, that its receipt is missing too is not the news. */
function isNeitherThere({ file, receipt }: Target): boolean {
  return file !== '-' && !existsSync(file) && !existsSync(receipt);
}

/** Says what a refusal means for somebody with a file and a trust store. */
function explain(
  refusal: Refusal,
  receipt: Receipt,
  trust: Trust,
): { ok: false; code: string; message: string } {
  if (refusal.code === 'receipt/wrong-data') {
    return {
      ...refusal,
      message: 'the file is not the one that was stamped: it was changed since',
    };
  }
  if (refusal.code === 'receipt/not-signed') {
    return {
      ...refusal,
      message: 'unsigned: not yet signed by the log; run `pyralog upgrade` on it',
    };
  }
  if (refusal.code === 'receipt/unknown-chain') {
    return { ...refusal, message: `${refusal.message}: ${HOW_TO_PIN_CHAIN}` };
  }
  if (refusal.code !== 'receipt/unknown-log') return refusal;
  if (trust.path === undefined) {
    return {
      ok: false,
      code: 'cli/no-trust',
      message: `no trust root for ${receipt.origin}: ${HOW_TO_TRUST}`,
    };
  }
  const origin = parseOrigin(receipt.origin);
  const network = origin.ok ? origin.value.network : receipt.origin;
  const { policies, chains = [] } = trust.store;
  const names = [
    ...policies.map(({ scope }) => scope),
    ...chains.map((root) => `the chain of ${root.network}`),
  ];
  const pinned = names.join(', ') || 'nothing';
  const foreign = !(
    policies.some(({ scope }) => scope.split('/')[1] === network) ||
    chains.some((root) => root.network === network)
  );
  const what = foreign
    ? `wrong network: the receipt is of ${network}`
    : `no policy covers ${receipt.origin}`;
  return { ...refusal, message: `${what}; ${trust.path} pins ${pinned}; ${HOW_TO_TRUST}` };
}

function printVerdict(context: Context, { file }: Target, verdict: FileVerdict['verdict']): void {
  if (!verdict.ok) {
    context.note(`${file}: NOT VERIFIED: ${verdict.message}`);
    return;
  }
  const [first = '', ...rest] = verdictLines(verdict);
  context.print(`${file}: verified, ${first}`);
  for (const line of rest) context.print(line);
}

function summarize(
  context: Context,
  {
    verdicts,
    unreceipted,
    trust,
  }: { verdicts: readonly FileVerdict[]; unreceipted: number; trust: Trust },
): ExitCode {
  const good = verdicts.filter(({ verdict }) => verdict.ok).length;
  const codes = verdicts.flatMap(({ verdict }) => (verdict.ok ? [] : [exitOf(verdict.code)]));
  if (verdicts.length !== 1 || unreceipted > 0) {
    const rest = unreceipted === 0 ? '' : `, ${unreceipted} files without receipt`;
    context.print(`${good} of ${verdicts.length} verified${rest}`);
  }
  if (trust.path !== undefined) context.print(`keys pinned in ${trust.path}`);
  context.answer({
    ok: good === verdicts.length && verdicts.length > 0,
    verified: good,
    refused: verdicts.length - good,
    withoutReceipt: unreceipted,
    trust: trust.path ?? null,
    files: verdicts.map(({ file, receipt, verdict }) => ({
      file,
      receipt,
      ...(verdict.ok ? plainVerdict(verdict) : verdict),
    })),
  });
  if (verdicts.length === 0) {
    context.note('pyralog: no receipt found');
    return EXIT.failed.code;
  }
  if (codes.length === 0) return EXIT.ok.code;
  // Any doubt outweighs "not yet".
  return codes.every((code) => code === EXIT.notSigned.code)
    ? EXIT.notSigned.code
    : EXIT.failed.code;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
