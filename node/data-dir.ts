import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Genesis, networkId } from '../receipt/index.ts';
import { syncDir, writeDurably } from './durable-file.ts';
import { nodeError, systemCode } from './errors.ts';
import { formatGenesis, readGenesis } from './genesis-file.ts';

/** Layout of the data directory today (docs/spec/datadir.md D2). */
export const DATA_DIR_VERSION = 1;

/** Where things stand in a data directory (D1). */
export interface DataDirPaths {
  readonly root: string;
  /** Format version and network id; written last, so that it marks a finished directory. */
  readonly node: string;
  readonly genesis: string;
  readonly keys: string;
  /** The native core's; its LOCK keeps a second process out (W11, D6). */
  readonly store: string;
  /** Blocks, state and indexes of the chain (X21). */
  readonly chain: string;
  /** Log of the engine and slashing protection (P21, P24); of one process alone. */
  readonly consensus: string;
  /** Peers known from earlier (G13). */
  readonly peers: string;
  /** Says that the store was opened once, and so must be there (D11). */
  readonly opened: string;
  /** Mark of the write-ahead log within the store (W1). */
  readonly walMark: string;
  /** Bearer token of the admin methods (R7). */
  readonly adminToken: string;
}

/** A data directory that was checked. */
export interface DataDir {
  readonly paths: DataDirPaths;
  readonly genesis: Genesis;
  readonly networkId: string;
}

export function dataDirPaths(root: string): DataDirPaths {
  return {
    root,
    node: join(root, 'node.json'),
    genesis: join(root, 'genesis.json'),
    keys: join(root, 'keys'),
    store: join(root, 'store'),
    chain: join(root, 'chain'),
    consensus: join(root, 'consensus'),
    peers: join(root, 'peers.json'),
    opened: join(root, 'store.opened'),
    walMark: join(root, 'store', 'wal', 'STORE'),
    adminToken: join(root, 'admin.token'),
  };
}

export function keyPath(paths: DataDirPaths, purpose: string): string {
  return join(paths.keys, `${purpose}.json`);
}

export function isDataDir(root: string): boolean {
  return existsSync(dataDirPaths(root).node);
}

/**
 * Makes a data directory for a network (D4). `fill` writes the keys; the mark goes in after them, so an interrupted
 * creation is not taken for a finished one and can simply be repeated.
 *
 * @throws NodeError `node/not-empty` when something else stands there, `node/bad-data-dir` when it cannot be written
 */
export async function createDataDir(
  root: string,
  given: Genesis,
  fill: (paths: DataDirPaths, network: string) => Promise<void>,
): Promise<DataDir> {
  const paths = dataDirPaths(root);
  // Keys of an interrupted creation are for the network it was creating: it goes on with that one.
  const genesis = existsSync(paths.genesis) ? readGenesis(paths.genesis) : given;
  if (genesis.network !== given.network) {
    throw badDataDir(root, `has an unfinished ${genesis.network}; remove it or name that network`);
  }
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    refuseStrangers(paths);
    mkdirSync(paths.keys, { recursive: true, mode: 0o700 });
    writeDurably(paths.genesis, formatGenesis(genesis), { mode: 0o644, replace: true });
    writeAdminToken(paths);
    await fill(paths, networkId(genesis));
    syncDir(paths.keys);
    writeDurably(paths.node, formatMark(genesis), { mode: 0o644, replace: false });
  } catch (error) {
    throw fileTrouble(root, error);
  }
  return { paths, genesis, networkId: networkId(genesis) };
}

/**
 * Opens a data directory, refusing a stranger's, a newer version's and one that cannot be written (D3, D5).
 *
 * @throws NodeError `node/bad-data-dir`, `node/newer-data-dir`
 */
export function openDataDir(root: string): DataDir {
  const paths = dataDirPaths(root);
  if (!existsSync(paths.node)) {
    throw badDataDir(root, 'not a data directory (no node.json); `pyralog init` makes one');
  }
  const marked = readMark(paths.node);
  const genesis = readGenesis(paths.genesis);
  const id = networkId(genesis);
  if (id !== marked) {
    throw badDataDir(
      root,
      `belongs to network ${marked}, but its genesis.json makes ${id}: files of two networks were mixed`,
    );
  }
  refuseReadOnly(paths);
  refuseLostStore(paths);
  if (!existsSync(paths.adminToken)) writeAdminToken(paths);
  return { paths, genesis, networkId: id };
}

/**
 * Notes that the store was opened: from now on it must be there (D11). Call once the core is open.
 *
 * @throws NodeError `node/bad-data-dir` when it cannot be written
 */
export function markStoreOpened(root: string): void {
  const paths = dataDirPaths(root);
  if (existsSync(paths.opened)) return;
  try {
    writeDurably(paths.opened, '', { mode: 0o644, replace: true });
  } catch (error) {
    throw fileTrouble(root, error);
  }
}

/** A log that began again at size 0 under its old origin and key would be an equivocation (C7). */
function refuseLostStore(paths: DataDirPaths): void {
  if (!existsSync(paths.opened) || existsSync(paths.walMark)) return;
  throw badDataDir(
    paths.walMark,
    'is gone, though this node has kept a log here: restore the store, or make a new data directory (a new log, a new origin)',
  );
}

/** @throws NodeError `node/bad-data-dir` when others can read it */
export function readAdminToken(paths: DataDirPaths): string {
  if (process.platform !== 'win32' && (statSync(paths.adminToken).mode & 0o077) !== 0) {
    throw badDataDir(
      paths.adminToken,
      'others may read it; remove it, the next start makes another',
    );
  }
  return readFileSync(paths.adminToken, 'utf8').trim();
}

/** 32 random bytes, for the owner alone (R7). */
function writeAdminToken(paths: DataDirPaths): void {
  writeDurably(paths.adminToken, `${randomBytes(32).toString('hex')}\n`, {
    mode: 0o600,
    replace: true,
  });
}

function formatMark(genesis: Genesis): string {
  const mark = { pyralog: 'datadir', version: DATA_DIR_VERSION, networkId: networkId(genesis) };
  return `${JSON.stringify(mark, null, 2)}\n`;
}

/** Network id of a mark (D2). */
function readMark(path: string): string {
  const document: unknown = parseJson(readFileSync(path, 'utf8'));
  const { pyralog, version, networkId: id } = (document ?? {}) as Record<string, unknown>;
  if (pyralog !== 'datadir' || !Number.isInteger(version) || typeof id !== 'string') {
    throw badDataDir(
      path,
      'not the mark of a data directory; restore it or make another directory',
    );
  }
  if (Number(version) > DATA_DIR_VERSION) {
    throw nodeError(
      'node/newer-data-dir',
      `${path}: version ${String(version)} was written by a newer pyralog (this one knows ${DATA_DIR_VERSION}); update pyralog`,
      { data: { version: Number(version) } },
    );
  }
  return id;
}

/** Hidden files are of the desktop or of an interrupted creation; everything else is somebody's. */
function refuseStrangers(paths: DataDirPaths): void {
  if (existsSync(paths.node)) {
    throw nodeError('node/not-empty', `${paths.root}: is a data directory already`);
  }
  const own = new Set(['genesis.json', 'keys', 'admin.token', 'consensus']);
  const stranger = readdirSync(paths.root).find((name) => !own.has(name) && !name.startsWith('.'));
  if (stranger === undefined) return;
  throw nodeError(
    'node/not-empty',
    `${paths.root}: not empty (${stranger}); give an empty or new directory`,
  );
}

/** The permission is not the whole truth (a read-only mount), so a file is written, too (D5). */
function refuseReadOnly(paths: DataDirPaths): void {
  const probe = join(paths.root, '.writable');
  try {
    accessSync(paths.root, constants.W_OK);
    writeDurably(probe, '', { mode: 0o600, replace: true });
  } catch (error) {
    throw fileTrouble(paths.root, error);
  }
}

function fileTrouble(root: string, error: unknown): unknown {
  const code = systemCode(error);
  if (!['EACCES', 'EROFS', 'EPERM', 'ENOSPC', 'ENOTDIR', 'EEXIST', 'EDQUOT'].includes(code)) {
    return error;
  }
  return nodeError('node/bad-data-dir', `${root}: cannot be written (${code})`, { cause: error });
}

function badDataDir(path: string, what: string): Error {
  return nodeError('node/bad-data-dir', `${path}: ${what}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller says what the file should be
  }
}
