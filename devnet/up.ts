import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { PyralogError } from '../base/errors.ts';
import {
  createDataDir,
  createGenesis,
  devnetKey,
  isDataDir,
  keyName,
  keyPath,
  writeKeyFile,
} from '../node/index.ts';
import {
  type DevnetFile,
  devnetError,
  devnetPaths,
  pinDevnet,
  readDevnetFile,
  removeDevnetFile,
  writeDevnetFile,
} from './files.ts';
import { type NodeProcess, startNodeProcess } from './node-process.ts';

export interface DevnetOptions {
  /** Where `devnet.json`, `trust.json` and the nodes' data live, such as `.pyralog`. */
  readonly root: string;
  /** Wipes the nodes' data first, and so gets a new network id (I6). */
  readonly fresh: boolean;
  /** 0 = any free port; absent = 7070 if it is free. */
  readonly port?: number;
  /** Further settings of the nodes, by path. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface Devnet {
  readonly file: DevnetFile;
  readonly paths: ReturnType<typeof devnetPaths>;
  readonly logFile: string;
  /** Resolves when everything has ended as asked; rejects when a node ended by itself. */
  readonly stopped: Promise<void>;
  /** Drains and ends everything; a second call kills it. */
  stop(): void;
}

const PORT = 7070;
const NAMES = { name: 'devnet', cluster: 'local', node: 'node-0', log: 'notary' };

/**
 * Starts a devnet: one real node process today, N of them with the network. Keys come from a seed everybody knows, the
 * genesis is fresh at the first start and kept afterwards (I5, I6).
 *
 * @throws PyralogError `devnet/running`, `devnet/start-failed`
 */
export async function startDevnet(options: DevnetOptions): Promise<Devnet> {
  const paths = devnetPaths(options.root);
  const running = readDevnetFile(paths.devnet);
  if (running !== undefined) {
    throw devnetError(
      'devnet/running',
      `a devnet runs in ${options.root} already: process ${running.pid}, ${running.rpc}; stop it with \`pyralog devnet down\``,
    );
  }
  if (options.fresh) rmSync(paths.nodes, { recursive: true, force: true });
  const dir = join(paths.nodes, NAMES.node);
  const [port] = await Promise.all([options.port ?? preferredPort(), prepare(dir)]);
  try {
    return await startOn(port, { paths, dir, settings: options.settings });
  } catch (error) {
    const taken = error instanceof PyralogError && error.code === 'devnet/port-taken';
    if (!taken || options.port !== undefined || port === 0) throw error;
    // Somebody was quicker between the look and the start: any free port will do.
    return startOn(0, { paths, dir, settings: options.settings });
  }
}

async function startOn(
  port: number,
  {
    paths,
    dir,
    settings,
  }: {
    paths: ReturnType<typeof devnetPaths>;
    dir: string;
    settings: Readonly<Record<string, string>>;
  },
): Promise<Devnet> {
  const node = startNodeProcess(dir, {
    'rpc.host': '127.0.0.1',
    'rpc.port': String(port),
    'rpc.adminPort': '0',
    ...settings,
  });
  try {
    return await announce(node, { paths, dir });
  } catch (error) {
    node.stop();
    await node.exited;
    throw error;
  }
}

async function prepare(dir: string): Promise<void> {
  if (isDataDir(dir)) return;
  mkdirSync(dir, { recursive: true });
  await createDataDir(dir, createGenesis(NAMES.name, Date.now()), async (paths, id) => {
    for (const purpose of ['cosigning', 'log'] as const) {
      // An interrupted first start leaves keys; these are derived and come out the same.
      rmSync(keyPath(paths, purpose), { force: true });
      const name = keyName(purpose, id, NAMES);
      const key = await devnetKey(NAMES.name, { purpose, name, number: 0 });
      await writeKeyFile(keyPath(paths, purpose), key);
    }
  });
}

async function announce(
  node: NodeProcess,
  { paths, dir }: { paths: ReturnType<typeof devnetPaths>; dir: string },
): Promise<Devnet> {
  const { address, adminAddress, networkId, origin, policy } = await node.ready;
  const file: DevnetFile = {
    rpc: urlOf(address),
    admin: adminAddress === undefined ? '' : urlOf(adminAddress),
    pid: process.pid,
    networkId,
    origin,
    dataDir: dir,
  };
  pinDevnet(paths, policy);
  writeDevnetFile(paths, file);
  let asked = false;
  const stopped = node.exited.then((code) => {
    removeDevnetFile(paths);
    if (asked && code === 0) return;
    if (asked && code === 'SIGKILL') return;
    throw devnetError(
      'devnet/node-stopped',
      `node-0 ended (${code}) though nobody asked it to; its log is ${node.logFile}`,
    );
  });
  return {
    file,
    paths,
    logFile: node.logFile,
    stopped,
    stop() {
      asked = true;
      node.stop();
    },
  };
}

function urlOf({ host, port }: { host: string; port: number }): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function preferredPort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0)); // taken: any free one
    probe.listen(PORT, '127.0.0.1', () => probe.close(() => resolve(PORT)));
  });
}
