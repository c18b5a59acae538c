/** Entries of the state (X14). */
import { toUtf8 } from '../../base/bytes.ts';
import { hashUnder } from '../hash.ts';
import type { Account, AnchoredLog, Cluster } from '../types.ts';
import { readKeys, readSubmitters, writeKeys } from './body.ts';
import { amountOf, arrayOf, bytesOf, type Format, Malformed, numberOf } from './cbor.ts';

type Roots = AnchoredLog['roots'];

/** In the order of the algorithms' numbers (X10). */
const ALGORITHMS = ['blake3', 'sha256'] as const;

/** What stands in the state for a cluster; name and account follow from the key (X14). */
export type ClusterEntry = Omit<Cluster, 'name' | 'account'>;
/** What stands in the state for a log; the origin is the key (X14). */
export type LogEntry = Omit<AnchoredLog, 'origin'>;

/** Address of a cluster's account (X6). */
export function clusterAccount(name: string): Uint8Array {
  return hashUnder('cluster account', toUtf8(name));
}

const ACCOUNT_LETTER = 0x61;

/** State key of an account: `a` ‖ 32 bytes (X14). */
export function accountKey(account: Uint8Array): Uint8Array {
  const key = Buffer.allocUnsafe(1 + account.length);
  key[0] = ACCOUNT_LETTER;
  key.set(account, 1);
  return key;
}

/** State key of a cluster: `c` ‖ name (X14). */
export function clusterKey(name: string): Uint8Array {
  return toUtf8(`c${name}`);
}

/** State key of a log: `l` ‖ origin (X14). */
export function logKey(origin: string): Uint8Array {
  return toUtf8(`l${origin}`);
}

export const ACCOUNT: Format<Account> = {
  what: 'account',
  read(item) {
    const [nonce, balance] = arrayOf(item, 'it', 2);
    return { nonce: amountOf(nonce, 'nonce'), balance: amountOf(balance, 'balance') };
  },
  write: ({ nonce, balance }) => [nonce, balance],
};

export const CLUSTER: Format<ClusterEntry> = {
  what: 'cluster',
  read(item) {
    const [keys, threshold, faults, submitters] = arrayOf(item, 'it', 4);
    return {
      keys: readKeys(keys),
      threshold: numberOf(threshold, 'threshold'),
      faults: numberOf(faults, 'faults'),
      submitters: readSubmitters(submitters),
    };
  },
  write: ({ keys, threshold, faults, submitters }) => [
    writeKeys(keys),
    threshold,
    faults,
    [...submitters],
  ],
};

export const LOG: Format<LogEntry> = {
  what: 'log',
  read(item) {
    const [size, roots, height, cutOffAt] = arrayOf(item, 'it', 4);
    return {
      size: numberOf(size, 'size'),
      roots: readRoots(roots),
      height: numberOf(height, 'height'),
      cutOffAt: cutOffAt === null ? undefined : numberOf(cutOffAt, 'cut off at'),
    };
  },
  write: ({ size, roots, height, cutOffAt }) => [size, rootItems(roots), height, cutOffAt ?? null],
};

/** `[[alg, root] …]` (X10). */
export function rootItems(roots: Roots): unknown[] {
  return roots.map(({ alg, root }) => [ALGORITHMS.indexOf(alg), root]);
}

export function readRoots(item: unknown): Roots {
  return arrayOf(item, 'roots').map((pair) => {
    const [number, root] = arrayOf(pair, 'root', 2);
    const alg = ALGORITHMS[numberOf(number, 'algorithm', ALGORITHMS.length - 1)];
    if (alg === undefined) throw new Malformed('an algorithm is unknown');
    return { alg, root: bytesOf(root, 'root', 32) };
  });
}
