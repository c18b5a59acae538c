import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PyralogError } from '../base/errors.ts';
import { writeDurably } from '../node/index.ts';
import {
  formatTrustStore,
  parseTrustStore,
  parseVerificationKey,
  type TrustRoot,
  type TrustStore,
  type VerificationKey,
} from '../receipt/index.ts';

export type DevnetErrorCode =
  /** A devnet runs in this directory already. */
  | 'devnet/running'
  /** None runs there. */
  | 'devnet/not-running'
  /** Not where `devnet wait` waits for it to be. */
  | 'devnet/not-ready'
  /** A node did not come up. */
  | 'devnet/start-failed'
  /** A node did not come up because somebody else listens on its port. */
  | 'devnet/port-taken'
  /** A node ended by itself. */
  | 'devnet/node-stopped'
  /** It was made with another number of validators, or before there was a chain. */
  | 'devnet/other-size'
  /** A fault, a dump or a node that it does not know or cannot do now. */
  | 'devnet/bad-order'
  /** `devnet.json` or `trust.json` is not what a devnet writes. */
  | 'devnet/bad-file';

/** One of its nodes, when it was ready. */
export interface DevnetNode {
  readonly name: string;
  readonly rpc: string;
  readonly admin: string;
  readonly origin: string;
  readonly dataDir: string;
  readonly logFile: string;
  /** Multiaddr of its peer-to-peer listener, with its peer id. */
  readonly p2p: string;
}

/** What a running devnet says about itself, in `.pyralog/devnet.json`, for the CLI beside it. */
export interface DevnetFile {
  /** Of node 0, as are `admin`, `origin` and `dataDir`. */
  readonly rpc: string;
  readonly admin: string;
  /** Process that runs the devnet; its nodes end with it. */
  readonly pid: number;
  readonly networkId: string;
  /** Its nodes are members of one cluster, without a chain. */
  readonly isCluster?: boolean;
  readonly origin: string;
  readonly dataDir: string;
  /** Where orders to the devnet itself go (faults, dump); the token is for whoever may read this file. */
  readonly control: { readonly url: string; readonly token: string };
  readonly nodes: readonly DevnetNode[];
  readonly accounts: readonly DevnetAccount[];
}

/** An account that its genesis gives money to, beside those of its nodes. */
export interface DevnetAccount {
  readonly name: string;
  /** Hex. */
  readonly key: string;
  /** Key file, for `pyralog account transfer --key`. */
  readonly file: string;
}

export interface DevnetPaths {
  readonly root: string;
  readonly devnet: string;
  readonly trust: string;
  /** Held by the process of a devnet from before it touches anything. */
  readonly lock: string;
  /** Data directories, one a node; what `--fresh` wipes. */
  readonly nodes: string;
}

export function devnetPaths(root: string): DevnetPaths {
  return {
    root,
    devnet: join(root, 'devnet.json'),
    trust: join(root, 'trust.json'),
    lock: join(root, 'devnet.lock'),
    nodes: join(root, 'devnet'),
  };
}

export function devnetError(code: DevnetErrorCode, message: string, cause?: unknown): PyralogError {
  return new PyralogError(code, message, { cause });
}

export function writeDevnetFile(paths: DevnetPaths, file: DevnetFile): void {
  const text = `${JSON.stringify({ pyralog: 'devnet', version: 2, ...file }, null, 2)}\n`;
  writeDurably(paths.devnet, text, { mode: 0o600, replace: true });
}

/** The devnet that runs here; a file whose process is gone was left by a kill and counts as none. */
export function readDevnetFile(path: string): DevnetFile | undefined {
  if (!existsSync(path)) return undefined;
  const value: unknown = parseJson(readFileSync(path, 'utf8'));
  const { pyralog, version, ...file }: Fields = { ...(value ?? {}) };
  if (pyralog === 'devnet' && version === 1) return undefined;
  if (pyralog !== 'devnet' || version !== 2 || !isDevnetFile(file)) {
    throw devnetError('devnet/bad-file', `${path}: not written by a devnet; remove it`);
  }
  return isAlive(file.pid) ? file : undefined;
}

function isDevnetFile(value: Fields): value is Fields & DevnetFile {
  return (
    typeof value['pid'] === 'number' &&
    hasTexts(value, ['rpc', 'admin', 'networkId', 'origin', 'dataDir']) &&
    hasTexts(value['control'], ['url', 'token']) &&
    isListOf(value['nodes'], ['name', 'rpc', 'admin', 'origin', 'dataDir', 'logFile', 'p2p']) &&
    isListOf(value['accounts'], ['name', 'key', 'file'])
  );
}

type Fields = Readonly<Record<string, unknown>>;

function hasTexts(value: unknown, names: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const fields: Fields = { ...value };
  return names.every((name) => typeof fields[name] === 'string');
}

function isListOf(value: unknown, names: readonly string[]): boolean {
  return Array.isArray(value) && value.every((item) => hasTexts(item, names));
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
  given: readonly PinnedPolicy[],
  chain: TrustRoot | undefined,
): void {
  mkdirSync(paths.root, { recursive: true });
  const distinct = given.filter(({ scope }, i) => given.findIndex((p) => p.scope === scope) === i);
  const policies = distinct.map((policy) => ({ ...policy, keys: policy.keys.map(readKey) }));
  const scopes = new Set(given.map(({ scope }) => scope));
  const before = readTrust(paths.trust);
  const text = formatTrustStore({
    policies: [...before.policies.filter(({ scope }) => !scopes.has(scope)), ...policies],
    ...chainsWith(before.chains, chain),
  });
  if (existsSync(paths.trust) && readFileSync(paths.trust, 'utf8') === text) return;
  writeDurably(paths.trust, text, { mode: 0o644, replace: true });
}

function chainsWith(before: readonly TrustRoot[] | undefined, chain: TrustRoot | undefined) {
  if (chain === undefined) return before === undefined ? {} : { chains: [...before] };
  return {
    chains: [...(before ?? []).filter(({ network }) => network !== chain.network), chain],
  };
}

/** A node's policy, its keys as text (C3). */
export interface PinnedPolicy {
  readonly scope: string;
  readonly keys: readonly string[];
  readonly threshold: number;
  readonly faults: number;
}

function readKey(text: string): VerificationKey {
  const key = parseVerificationKey(text);
  if (!key.ok) throw devnetError('devnet/bad-file', key.message);
  return key.value;
}

function readTrust(path: string): TrustStore {
  if (!existsSync(path)) return { policies: [] };
  const store = parseTrustStore(readFileSync(path, 'utf8'));
  if (!store.ok) throw devnetError('devnet/bad-file', `${path}: ${store.message}`);
  return store.value;
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
