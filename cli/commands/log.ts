import { fromHex } from '../../base/bytes.ts';
import { parseSafe, parseU64 } from '../../base/decimal.ts';
import type { Client, LogInfo, RecordStatus, TreeAlgorithm } from '../../client/index.ts';
import {
  digestBytes,
  isDigestAlgorithm,
  parseCheckpoint,
  receiptToJson,
} from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type NodeFlags, withNode } from '../find-node.ts';
import { hashFile } from '../hash-file.ts';
import { parseTime } from '../parse-time.ts';
import { Progress } from '../progress.ts';
import { writeReceipt } from '../receipt-file.ts';
import { timeText } from '../visible.ts';

export interface SearchFlags extends NodeFlags {
  readonly digest?: string;
  readonly at?: string;
  readonly origin?: string;
  readonly algorithm: string;
  readonly limit: string;
}

export interface ProofFlags extends NodeFlags {
  readonly index?: string;
  readonly size?: string;
  readonly from?: string;
  readonly to?: string;
  readonly tree: TreeAlgorithm;
}

/** `pyralog info`. */
export async function info(context: Context, flags: NodeFlags): Promise<ExitCode> {
  return withNode(context, flags, async (client, url) => {
    const answer = await client.info({ signal: context.signal });
    context.print(`node ${url}, version ${answer.version}, network ${answer.networkId}`);
    for (const log of answer.logs) context.print(`log ${log.origin}: ${log.size} records`);
    for (const { scope, keys, threshold } of answer.policies) {
      context.print(`keys of ${scope}, ${threshold} of ${keys.length} needed:`);
      for (const key of keys) context.print(`  ${key}`);
    }
    context.answer({ node: url, ...answer });
    return EXIT.ok.code;
  });
}

/** `pyralog get ID`. */
export async function get(
  context: Context,
  idText: string,
  flags: NodeFlags & { out?: string },
): Promise<ExitCode> {
  const id = parseU64(idText);
  if (id === undefined) throw cliError('cli/usage', `${idText}: not a Scarab id`);
  return withNode(context, flags, async (client) => {
    const options = { signal: context.signal };
    const status = await client.status(id, options);
    const receipt = await client.receipt(id, options);
    if (flags.out !== undefined) writeReceipt(flags.out, receipt, false);
    printRecord(context, status);
    context.answer({ ...status, receipt: receiptToJson(receipt) });
    return EXIT.ok.code;
  });
}

/** `pyralog search`. Finding nothing is a failure, so that scripts can ask. */
export async function search(
  context: Context,
  file: string | undefined,
  flags: SearchFlags,
): Promise<ExitCode> {
  const { algorithm, at, origin } = flags;
  if (!isDigestAlgorithm(algorithm)) throw cliError('cli/usage', `unknown hash ${algorithm}`);
  if ([file, flags.digest, at].filter((given) => given !== undefined).length !== 1) {
    throw cliError('cli/usage', 'give a file, or a digest with --digest, or a time with --at');
  }
  if (origin !== undefined && at === undefined) {
    throw cliError('cli/usage', '--origin goes with --at; other searches ask all logs');
  }
  const limit = parseSafe(flags.limit, 1_000);
  if (limit === undefined || limit < 1) throw cliError('cli/usage', '--limit is 1 to 1000');
  if (at !== undefined) {
    const time = parseTime(at, '--at');
    return withNode(context, flags, async (client) => {
      const log = await chooseLog(client, origin);
      const query = { origin: log.origin, time, limit };
      return showRecords(context, await client.since(query, { signal: context.signal }));
    });
  }
  const progress = new Progress(context, undefined);
  const options = { signal: context.signal, onBytes: (n: number) => progress.add(n) };
  const digest =
    file === undefined
      ? fromHex((flags.digest ?? '').toLowerCase())
      : await hashFile(file, algorithm, options);
  progress.end();
  if (digest?.length !== digestBytes(algorithm)) {
    throw cliError(
      'cli/usage',
      `--digest: ${algorithm} has ${2 * digestBytes(algorithm)} hex digits`,
    );
  }
  return withNode(context, flags, async (client) => {
    const records = await client.search({ algorithm, digest, limit }, { signal: context.signal });
    return showRecords(context, records);
  });
}

function showRecords(context: Context, records: readonly RecordStatus[]): ExitCode {
  for (const record of records) printRecord(context, record);
  if (records.length === 0) context.print('no such record');
  context.answer({ records });
  return records.length === 0 ? EXIT.failed.code : EXIT.ok.code;
}

/** `pyralog log info`. */
export async function logInfo(
  context: Context,
  origin: string | undefined,
  flags: NodeFlags,
): Promise<ExitCode> {
  return withNode(context, flags, async (client) => {
    const logs = await client.logs(origin, { signal: context.signal });
    for (const log of logs) {
      const signed = log.checkpoint === undefined ? 'none yet' : `at ${log.checkpoint.size}`;
      const from = log.firstOffset > 0 ? `, kept from ${log.firstOffset}` : '';
      context.print(`${log.origin}: ${log.size} records${from}, checkpoint ${signed}`);
    }
    context.answer({ logs });
    return EXIT.ok.code;
  });
}

/** `pyralog log proof`. */
export async function logProof(
  context: Context,
  origin: string | undefined,
  flags: ProofFlags,
): Promise<ExitCode> {
  const { index, size, from, to, tree: algorithm } = flags;
  if ((index === undefined) === (from === undefined)) {
    throw cliError(
      'cli/usage',
      'give either --index for an inclusion proof or --from for a consistency proof',
    );
  }
  const options = { signal: context.signal };
  return withNode(context, flags, async (client) => {
    const log = await chooseLog(client, origin);
    const newest = () => {
      if (log.checkpoint !== undefined) return log.checkpoint.size;
      throw cliError('cli/usage', `${log.origin}: no checkpoint yet; give a size`);
    };
    const number = (text: string | undefined, name: string, otherwise: () => number) => {
      if (text === undefined) return otherwise();
      const value = parseSafe(text);
      if (value === undefined) throw cliError('cli/usage', `${name} ${text}: not a number`);
      return value;
    };
    const where = { origin: log.origin, algorithm };
    let path: Uint8Array[];
    let request: Record<string, number>;
    if (index === undefined) {
      const range = { from: number(from, '--from', newest), to: number(to, '--to', newest) };
      path = await client.consistencyProof({ ...where, ...range }, options);
      request = range;
    } else {
      const place = {
        index: number(index, '--index', newest),
        size: number(size, '--size', newest),
      };
      path = await client.inclusionProof({ ...where, ...place }, options);
      request = place;
    }
    const under = request['size'] ?? request['to'];
    const root = under === log.checkpoint?.size ? rootOf(log, algorithm) : undefined;
    const what =
      index === undefined ? `from size ${request['from']} to` : `of index ${index} in size`;
    context.print(`${algorithm} tree of ${log.origin}, proof ${what} ${under}`);
    if (root !== undefined) context.print(`root ${root}`);
    context.print(path.length === 0 ? 'path: empty, nothing is needed' : 'path:');
    for (const hash of path) context.print(Buffer.from(hash).toString('base64'));
    context.answer({
      ...where,
      ...request,
      ...(root !== undefined && { root }),
      path: path.map((h) => Buffer.from(h).toString('base64')),
    });
    return EXIT.ok.code;
  });
}

/** Root that the log signed in its newest checkpoint, of the tree that was asked for. */
function rootOf({ checkpoint }: LogInfo, algorithm: TreeAlgorithm): string | undefined {
  const parsed = checkpoint === undefined ? undefined : parseCheckpoint(checkpoint.note);
  if (!parsed?.ok) return undefined;
  const { root, sha256Root } = parsed.value.checkpoint;
  const bytes = algorithm === 'blake3' ? root : sha256Root;
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('base64');
}

async function chooseLog(client: Client, origin: string | undefined): Promise<LogInfo> {
  const [log, ...others] = await client.logs(origin);
  if (log !== undefined && others.length === 0) return log;
  throw cliError('cli/usage', `which log? ${[log, ...others].map((l) => l?.origin).join(', ')}`);
}

function printRecord(
  context: Context,
  record: { id: bigint; origin: string; offset: number; level: string; timestamp: number },
): void {
  const { id, origin, offset, level, timestamp } = record;
  const time = timeText(timestamp);
  context.print(`${id}: ${level}, offset ${offset} of ${origin}, ${time} (claimed by the log)`);
}
