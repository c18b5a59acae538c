import { PyralogError } from '../../base/errors.ts';
import type { Receipt } from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type NodeFlags, withNode } from '../find-node.ts';
import { readReceipt, writeReceipt } from '../receipt-file.ts';
import { findFiles, isReceiptPath, receiptPathOf } from '../walk.ts';

export type UpgradeFlags = NodeFlags;

interface UpgradeResult {
  readonly receipt: string;
  readonly changed?: boolean;
  readonly level?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** `pyralog upgrade`: replaces receipts by better ones of the same record. */
export async function upgrade(
  context: Context,
  paths: readonly string[],
  flags: UpgradeFlags,
): Promise<ExitCode> {
  const receipts = receiptsOf(paths);
  const results = await withNode(context, flags, async (client) => {
    const done: UpgradeResult[] = [];
    for (const path of receipts) {
      context.signal.throwIfAborted();
      done.push(
        await upgradeOne(path, (old) =>
          client.upgradeReceipt(old, { signal: context.signal }),
        ).catch((error: unknown) => {
          if (!(error instanceof PyralogError) || error.code.startsWith('client/')) throw error;
          context.note(`pyralog: ${path}: ${error.message}`);
          return { receipt: path, error: { code: error.code, message: error.message } };
        }),
      );
    }
    return done;
  });
  for (const { receipt, changed, level } of results) {
    if (level !== undefined) context.print(`${receipt}: ${level}${changed ? ', upgraded' : ''}`);
  }
  const failed = results.filter(({ error }) => error !== undefined).length;
  const unsigned = results.filter(({ level }) => level === 'durable').length;
  context.answer({ ok: failed === 0 && unsigned === 0, receipts: results });
  if (failed > 0) return failed < results.length ? EXIT.partial.code : EXIT.failed.code;
  return unsigned > 0 ? EXIT.notSigned.code : EXIT.ok.code;
}

function receiptsOf(paths: readonly string[]): string[] {
  const found = findFiles(paths.map((path) => path));
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
  // A newer checkpoint claims a later time: what is signed already proves more as it is.
  const changed = old.value.checkpoint === undefined && best.checkpoint !== undefined;
  if (changed) writeReceipt(path, best, true);
  return {
    receipt: path,
    changed,
    level: best.checkpoint === undefined ? 'durable' : 'checkpoint',
  };
}
