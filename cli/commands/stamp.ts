import { existsSync } from 'node:fs';
import { toHex } from '../../base/bytes.ts';
import { PyralogError } from '../../base/errors.ts';
import type { BatchOutcome, Client } from '../../client/index.ts';
import { type DigestAlgorithm, isDigestAlgorithm, type Receipt } from '../../receipt/index.ts';
import { timeoutArgument } from '../chain-arguments.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type NodeFlags, withNode } from '../find-node.ts';
import { hashFile, hashStream } from '../hash-file.ts';
import { Patience } from '../patience.ts';
import { Progress } from '../progress.ts';
import { receiptExists, writeReceipt } from '../receipt-file.ts';
import { timeText } from '../visible.ts';
import { type Found, type FoundFile, findFiles, receiptPathOf, skippedText } from '../walk.ts';

export interface StampFlags extends NodeFlags {
  readonly algorithm: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly wait: string;
  /** Seconds. */
  readonly timeout: string;
}

/** One file in the answer for programs. */
interface FileResult {
  readonly file: string;
  readonly receipt?: string;
  readonly id?: bigint;
  readonly offset?: number;
  readonly level?: string;
  /** The log had it already, since `timestamp`. */
  readonly duplicate?: boolean;
  /** Of the record, ms since 1970. */
  readonly timestamp?: number;
  readonly error?: { readonly code: string; readonly message: string };
  /** A file found in a directory that has a receipt already. */
  readonly skipped?: true;
}

/** Most files in one call (rpc.md R4). */
const BATCH_FILES_MAX = 1_000;
const BATCH_BYTES_MAX = 256e6;

/** `pyralog stamp`: hashes, submits, writes a receipt beside each file. */
export async function stamp(
  context: Context,
  paths: readonly string[],
  flags: StampFlags,
): Promise<ExitCode> {
  const { algorithm, wait } = flags;
  if (!isDigestAlgorithm(algorithm)) {
    throw cliError('cli/usage', `--algorithm ${algorithm}: known are sha256, sha512, blake3`);
  }
  if (wait !== 'final' && wait !== 'checkpoint' && wait !== 'durable') {
    throw cliError('cli/usage', `--wait ${wait}: known are final, checkpoint, durable`);
  }
  timeoutArgument(flags.timeout);
  const job = new StampJob(context, { ...flags, algorithm, wait });
  return withNode(context, flags, async (client) => {
    if (paths.includes('-')) return job.stampInput(client, paths);
    return job.stampFiles(client, paths);
  });
}

type CheckedFlags = StampFlags & {
  readonly algorithm: DigestAlgorithm;
  readonly wait: 'final' | 'checkpoint' | 'durable';
};

interface Hashed {
  readonly file: string;
  readonly target: string;
  readonly digest: Uint8Array;
}

class StampJob {
  readonly #context: Context;
  readonly #flags: CheckedFlags;
  readonly #results: FileResult[] = [];
  /** Logs the receipts are of: whoever finds the node by itself should see whose it was. */
  readonly #origins = new Set<string>();

  constructor(context: Context, flags: CheckedFlags) {
    this.#context = context;
    this.#flags = flags;
  }

  async stampInput(client: Client, paths: readonly string[]): Promise<ExitCode> {
    const { out, force, algorithm } = this.#flags;
    if (paths.length > 1) throw cliError('cli/usage', '-: standard input is stamped alone');
    if (out === undefined) {
      throw cliError(
        'cli/usage',
        '-: standard input has no name; say where the receipt goes with --out',
      );
    }
    if (existsSync(out) && !force) throw receiptExists(out);
    const progress = new Progress(this.#context, undefined);
    const options = { signal: this.#context.signal, onBytes: (n: number) => progress.add(n) };
    const digest = await hashStream(process.stdin, algorithm, options);
    progress.end();
    await this.#submit(client, [{ file: '-', target: out, digest }]);
    return this.#finish({ links: 0, directories: 0, special: 0 });
  }

  async stampFiles(client: Client, paths: readonly string[]): Promise<ExitCode> {
    const { out } = this.#flags;
    const found = findFiles(paths);
    for (const path of paths.filter((named) => found.receipts.includes(named)))
      this.#fail(path, 'cli/usage', 'is a receipt; name the file it belongs to');
    for (const { path, message } of found.unreadable) this.#fail(path, 'cli/file', message);
    if (out !== undefined && found.files.length !== 1) {
      throw cliError('cli/usage', '--out names one receipt: give one file');
    }
    const files = found.files.filter((file) => this.#wants(file));
    const progress = new Progress(
      this.#context,
      files.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    let batch: Hashed[] = [];
    let batchBytes = 0;
    for (const { path, bytes } of files) {
      const hashed = await this.#hash(path, progress);
      if (hashed !== undefined) batch.push(hashed);
      batchBytes += bytes;
      // A long run is submitted in parts: what is hashed is stamped before it grows old.
      if (batch.length < BATCH_FILES_MAX && batchBytes < BATCH_BYTES_MAX) continue;
      await this.#submit(client, batch);
      batch = [];
      batchBytes = 0;
    }
    progress.end();
    await this.#submit(client, batch);
    return this.#finish(found.skipped);
  }

  #targetOf(path: string): string {
    return this.#flags.out ?? receiptPathOf(path);
  }

  /** Whether a file is to be stamped: not when it has a receipt, which only somebody who named it is told about. */
  #wants({ path, named }: FoundFile): boolean {
    const target = this.#targetOf(path);
    if (this.#flags.force || !existsSync(target)) return true;
    if (named) this.#failWith(path, receiptExists(target));
    else this.#results.push({ file: path, receipt: target, skipped: true });
    return false;
  }

  async #hash(path: string, progress: Progress): Promise<Hashed | undefined> {
    const { signal } = this.#context;
    try {
      const onBytes = (bytes: number) => progress.add(bytes);
      const digest = await hashFile(path, this.#flags.algorithm, { signal, onBytes });
      return { file: path, target: this.#targetOf(path), digest };
    } catch (error) {
      signal.throwIfAborted();
      this.#failWith(path, error);
      return undefined;
    }
  }

  async #submit(client: Client, batch: readonly Hashed[]): Promise<void> {
    if (batch.length === 0) return;
    const { algorithm, wait } = this.#flags;
    const { signal } = this.#context;
    const waitFor = wait === 'durable' ? wait : 'checkpoint';
    const submissions = batch.map(({ digest }) => ({ algorithm, digest }));
    const patience = new Patience(timeoutArgument(this.#flags.timeout));
    const outcomes = await patience.spend((timeoutMs) =>
      client.submitBatch(submissions, { waitFor, timeoutMs, signal }),
    );
    const kept: [Hashed, Receipt][] = [];
    for (const [i, hashed] of batch.entries()) {
      const outcome = outcomes[i];
      const refusal = refusalOf(outcome);
      if (refusal !== undefined) {
        this.#fail(hashed.file, ...refusal);
      } else if (outcome?.ok) {
        const { submitted } = outcome;
        const receipt = submitted.receipt ?? (await client.receipt(submitted.id, { signal }));
        if (this.#keep(hashed, receipt, submitted)) kept.push([hashed, receipt]);
      }
    }
    if (wait !== 'final') return;
    for (const [hashed, receipt] of kept)
      if (!(await this.#finalize(client, patience, hashed, receipt))) break;
  }

  /**
   * Waits for the chain. What is signed already is on disk, and stays when time is up. False when the node answers no more:
   * then there is no use in asking about the rest.
   */
  async #finalize(
    client: Client,
    patience: Patience,
    { file, target }: Hashed,
    receipt: Receipt,
  ): Promise<boolean> {
    const { signal } = this.#context;
    try {
      const final = await patience.spend((timeoutMs) =>
        client.upgradeReceipt(
          receipt,
          timeoutMs === 0 ? { signal } : { waitFor: 'final', timeoutMs, signal },
        ),
      );
      if (toHex(final.record.digest) !== toHex(receipt.record.digest)) {
        throw cliError('cli/wrong-answer', "the node answered with another file's receipt");
      }
      if (final.finality === undefined) return true;
      writeReceipt(target, final, true);
      const at = this.#results.findIndex((result) => result.file === file);
      const result = this.#results[at];
      if (result !== undefined) this.#results[at] = { ...result, level: 'final' };
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PyralogError)) throw error;
      this.#context.note(`pyralog: ${file}: not final yet: ${error.message}`);
      return !error.code.startsWith('client/');
    }
  }

  #keep(
    { file, target, digest }: Hashed,
    receipt: Receipt,
    submitted: { id: bigint; offset: number; level: string; duplicate: boolean },
  ): boolean {
    try {
      if (toHex(receipt.record.digest) !== toHex(digest)) {
        throw cliError(
          'cli/wrong-answer',
          `${file}: the node answered with another file's receipt`,
        );
      }
      writeReceipt(target, receipt, this.#flags.force === true);
      this.#origins.add(receipt.origin);
      const { id, offset, duplicate } = submitted;
      const { timestamp } = receipt.record;
      const level = receipt.checkpoint === undefined ? 'durable' : 'checkpoint';
      this.#results.push({ file, receipt: target, id, offset, level, duplicate, timestamp });
      return true;
    } catch (error) {
      this.#failWith(file, error);
      return false;
    }
  }

  #failWith(file: string, error: unknown): void {
    if (!(error instanceof PyralogError)) throw error;
    this.#fail(file, error.code, error.message);
  }

  #fail(file: string, code: string, message: string): void {
    const text = message.includes(file) ? message : `${file}: ${message}`;
    this.#context.note(`pyralog: ${text}`);
    this.#results.push({ file, error: { code, message: text } });
  }

  #finish(skipped: Found['skipped']): ExitCode {
    const stamped = this.#results.filter(({ id }) => id !== undefined);
    const failed = this.#results.filter(({ error }) => error !== undefined);
    const present = this.#results.filter((result) => result.skipped).length;
    for (const result of stamped.length <= 20 ? stamped : []) {
      const { file, receipt, offset, level, duplicate, timestamp } = result;
      const known = duplicate ? `already in the log since ${timeText(timestamp ?? 0)}, ` : '';
      this.#context.print(`${file}: ${known}${level} at offset ${offset}, receipt ${receipt}`);
    }
    const early = this.#earlyText(stamped);
    const left = skippedText(skipped);
    const parts = [
      `${stamped.length} stamped`,
      early,
      present > 0 ? `${present} had receipts` : '',
      failed.length > 0 ? `${failed.length} failed` : '',
      left === '' ? '' : `skipped ${left}`,
    ];
    this.#context.print(parts.filter((part) => part !== '').join(', '));
    for (const origin of this.#origins) this.#context.print(`log ${origin}`);
    this.#context.answer({
      ok: failed.length === 0,
      stamped: stamped.length,
      failed: failed.length,
      hadReceipts: present,
      skipped,
      files: this.#results,
    });
    if (failed.length > 0) return stamped.length > 0 ? EXIT.partial.code : EXIT.failed.code;
    return this.#flags.wait === 'final' && early !== '' ? EXIT.notSigned.code : EXIT.ok.code;
  }

  /** What is below the level that a receipt is good for, or that was waited for; '' when nothing is. */
  #earlyText(stamped: readonly FileResult[]): string {
    const unsigned = stamped.filter(({ level }) => level === 'durable').length;
    if (unsigned > 0) return `${unsigned} of them not yet signed (pyralog upgrade)`;
    if (this.#flags.wait !== 'final') return '';
    const early = stamped.filter(({ level }) => level !== 'final').length;
    return early === 0 ? '' : `${early} of them not final yet (pyralog upgrade)`;
  }
}

/** Code and text of why an answer leaves its file without a receipt. */
function refusalOf(outcome: BatchOutcome | undefined): [code: string, message: string] | undefined {
  if (outcome === undefined) return ['cli/wrong-answer', 'the node left it unanswered'];
  if (!outcome.ok) return [outcome.error.data.reason, outcome.error.message];
  if (outcome.submitted.level !== 'accepted') return undefined;
  return [
    'cli/not-durable',
    'the log accepted it and does not promise that it is on disk; stamp it with --wait checkpoint',
  ];
}
