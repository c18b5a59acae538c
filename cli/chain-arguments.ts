/** What commands about the chain are given: accounts, amounts, ids. Whatever is wrong with them is said before a node is asked (E8). */
import { existsSync } from 'node:fs';
import { fromHex } from '../base/bytes.ts';
import { parseSafe, parseU64 } from '../base/decimal.ts';
import { readKeySummary } from '../node/index.ts';
import { cliError } from './errors.ts';

const AMOUNT_LIMIT = 2n ** 63n;

/** An account: 64 hex digits, or a key file of purpose `transaction`. No passphrase is needed. */
export function accountArgument(text: string): Uint8Array {
  if (/^[0-9a-f]{64}$/.test(text)) return hexArgument(text, 'account', 32);
  if (/^[0-9a-fA-F]{16,}$/.test(text)) {
    throw cliError('cli/usage', `${text}: an account is 64 lower-case hex digits, or a key file`);
  }
  if (!existsSync(text)) {
    throw cliError(
      'cli/usage',
      `${text.slice(0, 80)}: neither an account (64 lower-case hex digits) nor a key file that is there`,
    );
  }
  const { purpose, publicKey } = readKeySummary(text);
  if (purpose === 'transaction') return publicKey;
  throw cliError('cli/usage', `${text}: is a ${purpose} key; an account's is a transaction key`);
}

export function hexArgument(text: string, name: string, bytes?: number): Uint8Array {
  const value = fromHex(text);
  if (value !== undefined && (bytes === undefined || value.length === bytes)) return value;
  const digits = bytes === undefined ? 'lower-case hex' : `${2 * bytes} lower-case hex digits`;
  throw cliError('cli/usage', `${text.slice(0, 80)}: ${name} is ${digits}`);
}

/** A whole number of base units below 2^63 (X1). */
export function amountArgument(text: string, name: string): bigint {
  const value = parseU64(text);
  if (value !== undefined && value < AMOUNT_LIMIT) return value;
  throw cliError('cli/usage', `${text.slice(0, 40)}: ${name} is a whole number below 2^63`);
}

export function countArgument(text: string, name: string): number {
  const value = parseSafe(text);
  if (value !== undefined) return value;
  throw cliError('cli/usage', `${text.slice(0, 40)}: ${name} is a whole number below 2^53`);
}

/** Seconds that a command waits, as milliseconds that a node is asked to. */
export function timeoutArgument(text: string): number {
  const seconds = countArgument(text, '--timeout');
  if (seconds >= 1 && seconds <= 600) return seconds * 1_000;
  throw cliError('cli/usage', `${text}: --timeout is 1 to 600 seconds`);
}
