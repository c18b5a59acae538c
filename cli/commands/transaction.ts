import { readFileSync, statSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { fromHex, toHex } from '../../base/bytes.ts';
import { PyralogError } from '../../base/errors.ts';
import type { Client, TransactionStatus } from '../../client/index.ts';
import { hexArgument, timeoutArgument } from '../chain-arguments.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type NodeFlags, withNode } from '../find-node.ts';
import { reasonOf } from '../hash-file.ts';

export interface WaitFlags {
  readonly wait: 'pending' | 'final';
  readonly timeout: string;
}

/** A file of hex is twice as long as the longest transaction (X1), and a line end. */
const FILE_BYTES_MAX = 2 * 65_536 + 2;

/** `pyralog tx status ID`. */
export async function txStatus(
  context: Context,
  text: string,
  flags: NodeFlags & WaitFlags,
): Promise<ExitCode> {
  const id = hexArgument(text, 'a transaction id', 32);
  const options = { ...waitOf(flags), signal: context.signal };
  return withNode(context, flags, async (client) =>
    tell(context, { id, status: await client.chain.transactionStatus(id, options), flags }),
  );
}

/** `pyralog tx submit FILE`: a signed transaction in hex, as `account transfer --out` writes it. */
export async function txSubmit(
  context: Context,
  source: string,
  flags: NodeFlags & WaitFlags,
): Promise<ExitCode> {
  const text = source === '-' ? await readAll(process.stdin) : readTransaction(source);
  const bytes = fromHex(text.trim());
  // What is in the file is not shown: a wrong path may lead to a secret (E8).
  if (bytes === undefined) {
    const what = source === '-' ? 'standard input' : source;
    throw cliError('cli/usage', `${what}: is no signed transaction in lower-case hex`);
  }
  if (bytes.length === 0) throw cliError('cli/usage', `${source}: is empty`);
  return withNode(context, flags, (client) =>
    submitAndTell(context, client, { bytes, told: {}, flags }),
  );
}

/** Submits, waits as asked, and says what came of it. A refusal by the mempool is an error with its code. */
export async function submitAndTell(
  context: Context,
  client: Client,
  {
    bytes,
    told,
    flags,
  }: {
    readonly bytes: Uint8Array;
    readonly told: Readonly<Record<string, unknown>>;
    readonly flags: WaitFlags;
  },
): Promise<ExitCode> {
  const options = { ...waitOf(flags), signal: context.signal };
  const { id, status } = await client.chain
    .submit(bytes, options)
    .catch((refusal: unknown) => finalAlready(client, { bytes, refusal, signal: context.signal }));
  return tell(context, { id, status, told, flags });
}

/** The mempool forgets what is final, and refuses its nonce (X4): handing it in again does no harm, and is told its block. */
async function finalAlready(
  client: Client,
  {
    bytes,
    refusal,
    signal,
  }: { readonly bytes: Uint8Array; readonly refusal: unknown; readonly signal: AbortSignal },
): Promise<{ id: Uint8Array; status: TransactionStatus }> {
  if (!(refusal instanceof PyralogError) || refusal.code !== 'chain/bad-nonce') throw refusal;
  const { transactionId } = await import('../../client/index.ts');
  const id = transactionId(bytes);
  const status = await client.chain.transactionStatus(id, { signal });
  if (status.state === 'final') return { id, status };
  throw refusal;
}

function tell(
  context: Context,
  {
    id,
    status,
    told,
    flags,
  }: {
    readonly id: Uint8Array;
    readonly status: TransactionStatus;
    readonly told?: Readonly<Record<string, unknown>>;
    readonly flags: WaitFlags;
  },
): ExitCode {
  context.print(`transaction ${toHex(id)}: ${statusText(status)}`);
  const code = codeOf(status, flags);
  context.answer({ ok: code === EXIT.ok.code, ...told, transaction: id, status: plain(status) });
  return code;
}

function codeOf({ state }: TransactionStatus, { wait }: WaitFlags): ExitCode {
  if (state === 'final') return EXIT.ok.code;
  if (state === 'pending') return wait === 'final' ? EXIT.notSigned.code : EXIT.ok.code;
  return EXIT.failed.code;
}

function statusText(status: TransactionStatus): string {
  switch (status.state) {
    case 'final':
      return `final in block ${status.height} at ${new Date(status.time).toISOString()}`;
    case 'dropped':
      return `dropped: ${status.reason} (${status.code})`;
    case 'pending':
      return 'waits for a block';
    case 'unknown':
      return 'this node has not seen it, or has forgotten it';
  }
}

function plain(status: TransactionStatus) {
  if (status.state !== 'final') return status;
  const { state, height, index, time } = status;
  return { state, height: `${height}`, index: `${index}`, time: `${time}` };
}

function waitOf({ wait, timeout }: WaitFlags) {
  return wait === 'final' ? { waitFor: wait, timeoutMs: timeoutArgument(timeout) } : {};
}

function readTransaction(path: string): string {
  try {
    const found = statSync(path);
    if (!found.isFile()) throw new Error('no regular file'); // a device may never end
    if (found.size <= FILE_BYTES_MAX) return readFileSync(path, 'utf8');
  } catch (error) {
    throw cliError('cli/file', `${path}: cannot be read (${reasonOf(error)})`, error);
  }
  throw cliError('cli/file', `${path}: is longer than any transaction in hex`);
}
