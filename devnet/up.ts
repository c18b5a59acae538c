import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { assert, PyralogError } from '../base/errors.ts';
import { inTurn } from '../base/in-turn.ts';
import { peerIdOf } from '../net/index.ts';
import { devnetKey, lockProcess, type ProcessLock } from '../node/index.ts';
import { trustRootOf } from '../receipt/index.ts';
import { layOutCluster, MEMBERS_MAX, writeMembers } from './cluster-layout.ts';
import { type DevnetControl, type DevnetOrder, openControl } from './control.ts';
import {
  type DevnetFile,
  type DevnetPaths,
  devnetError,
  devnetPaths,
  pinDevnet,
  readDevnetFile,
  removeDevnetFile,
  writeDevnetFile,
} from './files.ts';
import { Fleet, type FleetNode, urlOf } from './fleet.ts';
import { type DevnetLayout, layOutDevnet, VALIDATORS_MAX } from './layout.ts';
import { performOrder } from './orders.ts';

export interface DevnetOptions {
  /** Where `devnet.json`, `trust.json` and the nodes' data live, such as `.pyralog`. */
  readonly root: string;
  /** Wipes the nodes' data first, and so gets a new network id (I6). */
  readonly fresh: boolean;
  readonly validators: number;
  /** Members of one organisation that keep the log together, without a chain; absent = a devnet of validators. */
  readonly cluster?: number;
  /** Gives where the others reach a member that listens at `address`; a test puts something between. Absent = there. */
  readonly route?: (member: string, address: string) => Promise<string>;
  /** RPC port of node 0. 0 = any free port; absent = 7070 if it is free. */
  readonly port?: number;
  /** Further settings of the nodes, by path. */
  readonly settings: Readonly<Record<string, string>>;
  /** Asks it to stop before it is up: every process started so far is ended. */
  readonly signal: AbortSignal;
  /** Told when a node ends though nobody asked it to; the others go on. */
  readonly onFailure: (name: string, code: number | string, logLines: readonly string[]) => void;
}

export interface Devnet {
  readonly file: DevnetFile;
  readonly paths: DevnetPaths;
  nodes(): readonly FleetNode[];
  /** Resolves when everything has ended as asked; rejects when no node was left. */
  readonly stopped: Promise<void>;
  /** Drains and ends everything; a second call kills it. */
  stop(): void;
}

const PORT = 7070;

/**
 * Starts a devnet of real node processes. Keys come from a seed everybody knows, the genesis is fresh at the first
 * start and kept afterwards (I5, I6).
 *
 * @throws the signal's reason; PyralogError `devnet/running`, `devnet/start-failed`, `devnet/other-size`
 */
export async function startDevnet(
  options: DevnetOptions,
  freePorts: (count: number) => Promise<readonly number[]> = systemPorts,
): Promise<Devnet> {
  const paths = devnetPaths(options.root);
  const { validators, cluster = 0 } = options;
  if (!(Number.isInteger(cluster) && cluster >= 0 && cluster <= MEMBERS_MAX)) {
    throw devnetError('devnet/bad-order', `a cluster has 1 to ${MEMBERS_MAX} members`);
  }
  if (!(Number.isInteger(validators) && validators >= 1 && validators <= VALIDATORS_MAX)) {
    throw devnetError('devnet/bad-order', `a devnet has 1 to ${VALIDATORS_MAX} validators`);
  }
  const running = readDevnetFile(paths.devnet);
  if (running !== undefined) {
    throw devnetError(
      'devnet/running',
      `a devnet runs in ${options.root} already: process ${running.pid}, ${running.rpc}; stop it with \`pyralog devnet down\``,
    );
  }
  try {
    mkdirSync(options.root, { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw devnetError(
      'devnet/bad-order',
      `${options.root}: no place for a devnet (${reason})`,
      error,
    );
  }
  const lock = await takeLock(paths);
  try {
    if (options.fresh) rmSync(paths.nodes, { recursive: true, force: true });
    const layout = await (cluster > 0
      ? layOutCluster(paths, cluster)
      : layOutDevnet(paths, validators));
    const devnet = await startOnFreePorts({ paths, layout, options, freePorts });
    void devnet.stopped.catch(() => {}).finally(() => lock.release());
    return devnet;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** One that starts or stops has no `devnet.json`, but data that nobody else may touch. */
async function takeLock({ root, lock }: DevnetPaths): Promise<ProcessLock> {
  const taken = await lockProcess(lock);
  if (taken !== undefined) return taken;
  throw devnetError(
    'devnet/running',
    `another devnet is starting or stopping in ${root}; wait for it, or end it with Ctrl-C where it was started`,
  );
}

/** Somebody may be quicker between the look for a port and the start: others are looked for, but for one that was named. */
async function startOnFreePorts(plan: Plan): Promise<Devnet> {
  const { port: wanted, signal } = plan.options;
  let port = wanted ?? (await preferredPort());
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await startOn(port, plan);
    } catch (error) {
      signal.throwIfAborted();
      const taken = takenPort(error);
      const isNamed = taken === 'rpc' && (wanted ?? 0) !== 0;
      if (taken === undefined || isNamed || attempt === ATTEMPTS_MAX) throw error;
      if (taken === 'rpc') port = 0;
    }
  }
}

const ATTEMPTS_MAX = 5;

function takenPort(error: unknown): unknown {
  const isTaken = error instanceof PyralogError && error.code === 'devnet/port-taken';
  return isTaken ? error.data['listener'] : undefined;
}

interface Plan {
  readonly paths: DevnetPaths;
  readonly layout: DevnetLayout;
  readonly options: DevnetOptions;
  /** Ports that nobody listens on now, all different. */
  readonly freePorts: (count: number) => Promise<readonly number[]>;
}

async function startOn(port: number, plan: Plan): Promise<Devnet> {
  const { layout, options } = plan;
  const ports = await plan.freePorts(layout.nodes.length);
  const members = await membersOf(plan, ports, port);
  const nodes = await Promise.all(
    layout.nodes.map(async (node, i) => {
      const purpose = { purpose: 'transport', name: node.name, number: node.number } as const;
      const key = await devnetKey(node.names.name, purpose);
      const settings = members?.[i] ?? {};
      return { ...node, peerId: await peerIdOf(key.publicKey), p2pPort: ports[i] ?? 0, settings };
    }),
  );
  const end = Promise.withResolvers<void>();
  const fleet: Fleet = new Fleet(
    { nodes, rpcPort: port, settings: options.settings },
    {
      onFailure(name, code, logLines) {
        options.onFailure(name, code, logLines);
        if (fleet.nodes().every(({ state }) => state === 'failed')) {
          end.reject(devnetError('devnet/node-stopped', 'no node of the devnet is left'));
        }
      },
    },
  );
  const onAbort = () => void fleet.stopAll();
  options.signal.addEventListener('abort', onAbort, { once: true });
  try {
    options.signal.throwIfAborted();
    await fleet.startAll();
    options.signal.throwIfAborted();
  } catch (error) {
    await fleet.stopAll();
    throw error;
  } finally {
    options.signal.removeEventListener('abort', onAbort);
  }
  return announce(fleet, plan, end);
}

/** What each node of a cluster is set to; none for a devnet of validators. Clients find members by fixed RPC ports. */
async function membersOf(
  { paths, layout, options, freePorts }: Plan,
  ports: readonly number[],
  firstRpcPort: number,
): Promise<readonly Readonly<Record<string, string>>[] | undefined> {
  if ((options.cluster ?? 0) === 0) return undefined;
  const { route = (_: string, address: string) => Promise.resolve(address) } = options;
  const free = await freePorts(ports.length);
  const own = ports.map((port, i) => ({
    listen: `127.0.0.1:${port}`,
    rpcPort: i === 0 && firstRpcPort !== 0 ? firstRpcPort : (free[i] ?? 0),
  }));
  const reached = own.map(async ({ listen, rpcPort }, i) => ({
    address: await route(layout.nodes[i]?.name ?? '', listen),
    rpc: `http://127.0.0.1:${rpcPort}`,
  }));
  const file = await writeMembers(layout, paths, await Promise.all(reached));
  return own.map(({ listen, rpcPort }) => ({
    'cluster.members': file,
    'cluster.listen': listen,
    'rpc.port': `${rpcPort}`,
  }));
}

async function announce(
  fleet: Fleet,
  { paths, layout, options }: Plan,
  end: PromiseWithResolvers<void>,
): Promise<Devnet> {
  // A dump stops and starts nodes: no other order may do so meanwhile. Looking changes nothing, and waits for nobody.
  const turn = inTurn();
  const perform = (order: DevnetOrder) => performOrder(order, { fleet, paths });
  const control = await openControl((order) =>
    order.op === 'status' ? perform(order) : turn(() => perform(order)),
  );
  const isCluster = (options.cluster ?? 0) > 0;
  const file = { ...describe(fleet, layout, control), ...(isCluster ? { isCluster } : {}) };
  const policies = fleet
    .nodes()
    .flatMap(({ ready }) => (ready === undefined ? [] : [ready.policy]));
  pinDevnet(paths, policies, trustRootOf(layout.genesis));
  writeDevnetFile(paths, file);
  const stopped = end.promise.finally(async () => {
    await control.close();
    await fleet.stopAll();
    removeDevnetFile(paths);
  });
  stopped.catch(() => {}); // whoever awaits it hears of it
  let asked = false;
  return {
    file,
    paths,
    nodes: () => fleet.nodes(),
    stopped,
    stop() {
      if (asked) void fleet.stopAll();
      else end.resolve();
      asked = true;
    },
  };
}

function describe(fleet: Fleet, layout: DevnetLayout, control: DevnetControl): DevnetFile {
  const nodes = fleet.nodes().map(({ name, dir, logFile, p2p, ready }) => ({
    name,
    rpc: urlOf(ready?.address),
    admin: urlOf(ready?.adminAddress),
    origin: ready?.origin ?? '',
    dataDir: dir,
    logFile,
    p2p,
  }));
  const [first] = nodes;
  assert(first !== undefined, 'a devnet has a node');
  return {
    rpc: first.rpc,
    admin: first.admin,
    pid: process.pid,
    networkId: layout.networkId,
    origin: first.origin,
    dataDir: first.dataDir,
    control: { url: control.url, token: control.token },
    nodes,
    accounts: layout.accounts,
  };
}

function preferredPort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0)); // taken: any free one
    probe.listen(PORT, '127.0.0.1', () => probe.close(() => resolve(PORT)));
  });
}

/** Ports that are free now, all different. Nodes have to know each other's before the first of them listens. */
async function systemPorts(count: number): Promise<number[]> {
  const probes = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const probe = createServer();
          probe.once('error', reject);
          probe.listen(0, '127.0.0.1', () => resolve(probe));
        }),
    ),
  );
  const ports = probes.map((probe) => {
    const address = probe.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(probes.map((probe) => new Promise((resolve) => probe.close(resolve))));
  return ports;
}
