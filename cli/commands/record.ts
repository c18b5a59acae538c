import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fromHex } from '../../base/bytes.ts';
import { parseSafe } from '../../base/decimal.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type AdminFlags, withAdmin } from '../find-admin.ts';
import { parseTime } from '../parse-time.ts';
import { timeText, visible } from '../visible.ts';

export interface RecordFlags extends AdminFlags {
  readonly key?: string;
  readonly keyHex?: string;
  readonly at?: string;
  readonly origin?: string;
  readonly out?: string;
}

/** `pyralog record get`. */
export async function recordGet(
  context: Context,
  [offset]: readonly string[],
  flags: RecordFlags,
): Promise<ExitCode> {
  const { origin, out } = flags;
  const params = { ...placeOf(offset, flags), ...(origin === undefined ? {} : { origin }) };
  return withAdmin(context, flags, async (client) => {
    const record = await client.call('record_read', params, { signal: context.signal });
    const value = Buffer.from(record.value, 'base64');
    context.print(`${record.id}: offset ${record.offset}, ${timeText(Number(record.timestamp))}`);
    if (record.key !== undefined) {
      context.print(`key ${visible(Buffer.from(record.key, 'base64').toString())}`);
    }
    context.print(`${record.kind} of ${record.length} bytes, schema ${record.schema ?? 'none'}`);
    if (out === undefined) context.print(visible(value.toString()));
    else writeFileSync(resolve(context.workingDir, out), value);
    context.answer(record);
    return EXIT.ok.code;
  });
}

/** What the node is asked for: exactly one of an offset, a key (also as of a time), a time. */
function placeOf(offset: string | undefined, flags: RecordFlags) {
  const key = keyOf(flags);
  const at = flags.at === undefined ? {} : { at: parseTime(flags.at, '--at').toString() };
  if (offset === undefined && key !== undefined) {
    return { key: Buffer.from(key).toString('base64'), ...at };
  }
  if ((offset === undefined) === (flags.at === undefined) || key !== undefined) {
    throw cliError('cli/usage', 'give an offset, or a key with --key, or a time with --at');
  }
  if (offset === undefined) return at;
  if (parseSafe(offset) !== undefined) return { offset };
  throw cliError('cli/usage', `${offset}: not an offset`);
}

function keyOf({ key, keyHex }: RecordFlags): Uint8Array | undefined {
  if (keyHex === undefined) return key === undefined ? undefined : Buffer.from(key);
  const bytes = fromHex(keyHex.toLowerCase());
  if (bytes !== undefined && key === undefined) return bytes;
  throw cliError(
    'cli/usage',
    key === undefined
      ? `--key-hex ${keyHex}: not hex digits in pairs`
      : 'give the key with --key or with --key-hex, not with both',
  );
}
