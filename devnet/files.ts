import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PyralogError } from '../base/errors.ts';
import { writeDurably } from '../node/index.ts';
import {
  formatTrustStore,
  parseTrustStore,
  parseVerificationKey,
  type TrustPolicy,
} from '../receipt/index.ts';

export type DevnetErrorCode =
  /** A devnet runs in this directory already. */
  | 'devnet/running'
  /** None runs there. */
  | 'devnet/not-running'
  /** A node did not come up. */
  | 'devnet/start-failed'
  /** A node did not come up because somebody else listens on its port. */
  | 'devnet/port-taken'
  /** A node ended by itself. */
  | 'devnet/node-stopped'
  /** `devnet.json` or `trust.json` is not what a devnet writes. */
  | 'devnet/bad-file';

/** What a running devnet says about itself, in `.pyralog/devnet.json`, for the CLI beside it. */
export interface DevnetFile {
  readonly rpc: string;
  readonly admin: string;
  /** Process that runs the devnet; its nodes end with it. */
  readonly pid: number;
  readonly networkId: string;
  readonly origin: string;
  /** Data directory of node 0. */
  readonly dataDir: string;
}

export interface DevnetPaths {
  readonly root: string;
  readonly devnet: string;
  readonly trust: string;
  /** Data directories, one a node; what `--fresh` wipes. */
  readonly nodes: string;
}

export function devnetPaths(root: string): DevnetPaths {
  return {
    root,
    devnet: join(root, 'devnet.json'),
    trust: join(root, 'trust.json'),
    nodes: join(root, 'devnet'),
  };
}

export function devnetError(code: DevnetErrorCode, message: string, cause?: unknown): PyralogError {
  return new PyralogError(code, message, { cause });
}

export function writeDevnetFile(paths: DevnetPaths, file: DevnetFile): void {
  const text = `${JSON.stringify({ pyralog: 'devnet', version: 1, ...file }, null, 2)}\n`;
  writeDurably(paths.devnet, text, { mode: 0o644, replace: true });
}

/** The devnet that runs here; a file whose process is gone was left by a kill and counts as none. */
export function readDevnetFile(path: string): DevnetFile | undefined {
  if (!existsSync(path)) return undefined;
  const value: unknown = parseJson(readFileSync(path, 'utf8'));
  const { pyralog, rpc, admin, pid, networkId, origin, dataDir } = (value ?? {}) as Record<
    string,
    unknown
  >;
  const texts = [rpc, admin, networkId, origin, dataDir];
  if (pyralog !== 'devnet' || typeof pid !== 'number' || texts.some((t) => typeof t !== 'string')) {
    throw devnetError('devnet/bad-file', `${path}: not written by a devnet; remove it`);
  }
  const [rpcUrl = '', adminUrl = '', network = '', log = '', dir = ''] = texts.map(String);
  const file = { rpc: rpcUrl, admin: adminUrl, pid, networkId: network, origin: log, dataDir: dir };
  return isAlive(pid) ? file : undefined;
}

export function removeDevnetFile(paths: DevnetPaths): void {
  rmSync(paths.devnet, { force: true });
}

/** `.pyralog/devnet.json` of the working directory or the nearest parent that has one. */
export function findDevnet(workingDir: string): DevnetFile | undefined {
  for (let dir = resolve(workingDir); ; dir = dirname(dir)) {
    const found = readDevnetFile(devnetPaths(join(dir, '.pyralog')).devnet);
    if (found !== undefined) return found;
    if (dir === dirname(dir)) return undefined;
  }
}

/**
 * Pins this devnet's keys where the CLI beside it looks first (T4). Policies of other scopes stay: receipts of an
 * earlier devnet go on to verify.
 */
export function pinDevnet(
  paths: DevnetPaths,
  policy: { scope: string; keys: readonly string[]; threshold: number; faults: number },
): void {
  mkdirSync(paths.root, { recursive: true });
  const keys = policy.keys.map((text) => {
    const key = parseVerificationKey(text);
    if (!key.ok) throw devnetError('devnet/bad-file', key.message);
    return key.value;
  });
  const others = readPolicies(paths.trust).filter(({ scope }) => scope !== policy.scope);
  const text = formatTrustStore({ policies: [...others, { ...policy, keys }] });
  if (existsSync(paths.trust) && readFileSync(paths.trust, 'utf8') === text) return;
  writeDurably(paths.trust, text, { mode: 0o644, replace: true });
}

function readPolicies(path: string): readonly TrustPolicy[] {
  if (!existsSync(path)) return [];
  const store = parseTrustStore(readFileSync(path, 'utf8'));
  if (!store.ok) throw devnetError('devnet/bad-file', `${path}: ${store.message}`);
  return store.value.policies;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, but somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller says what the file should be
  }
}
