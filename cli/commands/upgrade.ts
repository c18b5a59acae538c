import { PyralogError } from '../../base/errors.ts';
import type { Client } from '../../client/index.ts';
import type { Receipt } from '../../receipt/index.ts';
import { timeoutArgument } from '../chain-arguments.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type NodeFlags, withNode } from '../find-node.ts';
import { Patience } from '../patience.ts';
import { readReceipt, writeReceipt } from '../receipt-file.ts';
import { findFiles, isReceiptPath, receiptPathOf } from '../walk.ts';

export interface UpgradeFlags extends NodeFlags {
  /** Level to wait for; undefined = take what there is. */
  readonly wait?: 'checkpoint' | 'final';
  /** Seconds, for all receipts together. */
  readonly timeout: string;
}

type Level = 'durable' | 'checkpoint' | 'final';
const LEVELS: readonly Level[] = ['durable', 'checkpoint', 'final'];

interface UpgradeResult {
  readonly receipt: string;
  readonly changed?: boolean;
  readonly level?: Level;
  readonly error?: { readonly code: string; readonly message: string };
}

/** `pyralog upgrade`: replaces receipts by better ones of the same record. */
export async function upgrade(
  context: Context,
  paths: readonly string[],
  flags: UpgradeFlags,
): Promise<ExitCode> {
  const receipts = receiptsOf(paths);
  const patience = new Patience(timeoutArgument(flags.timeout));
  const { wait } = flags;
  const { signal } = context;
  const results = await withNode(context, flags, async (client) => {
    const best = (old: Receipt) =>
      patience.spend((timeoutMs) => ask(client, old, { wait, timeoutMs, signal }));
    const done: UpgradeResult[] = [];
    for (const path of receipts) {
      signal.throwIfAborted();
      done.push(await upgradeOne(path, best).catch((error) => failureOf(context, path, error)));
    }
    return done;
  });
  for (const { receipt, changed, level } of results) {
    if (level !== undefined) context.print(`${receipt}: ${level}${changed ? ', upgraded' : ''}`);
  }
  const failed = results.filter(({ error }) => error !== undefined).length;
  const least = LEVELS.indexOf(flags.wait ?? 'checkpoint');
  const early = results.filter(({ level }) => level && LEVELS.indexOf(level) < least).length;
  context.answer({ ok: failed === 0 && early === 0, receipts: results });
  if (failed > 0) return failed < results.length ? EXIT.partial.code : EXIT.failed.code;
  return early > 0 ? EXIT.notSigned.code : EXIT.ok.code;
}

/** What is wrong with one receipt; without a node there is no going on. */
function failureOf(context: Context, path: string, error: unknown): UpgradeResult {
  if (!(error instanceof PyralogError) || error.code.startsWith('client/')) throw error;
  // Said once: most messages name the file already.
  const message = error.message.startsWith(path) ? error.message : `${path}: ${error.message}`;
  context.note(`pyralog: ${message}`);
  return { receipt: path, error: { code: error.code, message } };
}

function receiptsOf(paths: readonly string[]): string[] {
  const found = findFiles(paths);
  const named = found.files.filter((file) => file.named).map(({ path }) => receiptPathOf(path));
  const missing = found.unreadable.map(({ path }) =>
    isReceiptPath(path) ? path : receiptPathOf(path),
  );
  const all = [...new Set([...named, ...found.receipts, ...missing])];
  if (all.length === 0) throw cliError('cli/no-receipt', 'no receipt found');
  return all;
}

async function upgradeOne(
  path: string,
  ask: (old: Receipt) => Promise<Receipt>,
): Promise<UpgradeResult> {
  const old = readReceipt(path);
  if (!old.ok) throw new PyralogError(old.code, old.message);
  const best = await ask(old.value);
  const same =
    best.origin === old.value.origin &&
    best.record.scarabId === old.value.record.scarabId &&
    Buffer.from(best.record.digest).equals(old.value.record.digest);
  if (!same)
    throw cliError('cli/wrong-answer', 'the node answered with another record; kept as it was');
  if (best.checkpoint === undefined && old.value.checkpoint !== undefined) {
    throw cliError(
      'cli/wrong-answer',
      'the node answered with less than there was; kept as it was',
    );
  }
  // At the same level a newer checkpoint claims a later time: what is there proves more as it is.
  const [before, now] = [levelOf(old.value), levelOf(best)];
  const changed = LEVELS.indexOf(now) > LEVELS.indexOf(before);
  if (changed) writeReceipt(path, best, true);
  return { receipt: path, changed, level: changed ? now : before };
}

function levelOf({ checkpoint, finality }: Receipt): Level {
  if (checkpoint === undefined) return 'durable';
  return finality === undefined || finality.length === 0 ? 'checkpoint' : 'final';
}

/** Waits as long as is left; when time is up, what there is by then is taken. */
async function ask(
  client: Client,
  old: Receipt,
  {
    wait,
    timeoutMs,
    signal,
  }: {
    readonly wait: UpgradeFlags['wait'];
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Receipt> {
  if (wait === undefined || timeoutMs === 0) return client.upgradeReceipt(old, { signal });
  try {
    return await client.upgradeReceipt(old, { waitFor: wait, timeoutMs, signal });
  } catch (error) {
    const late = error instanceof PyralogError && error.code === 'notary/outcome-unknown';
    if (!late) throw error;
    return client.upgradeReceipt(old, { signal });
  }
}
