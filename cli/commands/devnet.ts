import { join, relative, resolve } from 'node:path';
import { parseSafe } from '../../base/decimal.ts';
import {
  answersAs,
  type Devnet,
  type DevnetFile,
  type DevnetOptions,
  devnetError,
  devnetPaths,
  FAULT_ORDERS,
  findDevnet,
  isAlive,
  loadDump,
  MEMBERS_MAX,
  type NodeStatus,
  readDevnetFile,
  readStatus,
  sendOrder,
  startDevnet,
  VALIDATORS_MAX,
} from '../../devnet/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { roleOf, showDevnet } from './devnet-screen.ts';
import { settingsOf } from './start.ts';

export interface DevnetFlags {
  readonly dir: string;
  readonly fresh?: boolean;
  readonly port?: string;
  readonly validators?: string;
  readonly cluster?: string;
  readonly blockTime?: string;
  readonly set?: readonly string[];
}

export interface DevnetWaitFlags {
  readonly dir: string;
  readonly height?: string;
  readonly timeout: string;
}

const DOWN_MS_MAX = 30_000;
const POLL_MS = 50;
const VALIDATORS = '4';

/** `pyralog devnet`: runs until it is told to stop; Ctrl-C drains, a second one kills. */
export async function devnetUp(context: Context, flags: DevnetFlags): Promise<ExitCode> {
  const asked = new AbortController();
  let devnet: Devnet | undefined;
  const stop = () => {
    asked.abort(cliError('cli/interrupted', 'interrupted before the devnet was up'));
    devnet?.stop();
  };
  // From the first moment: a devnet that is told to stop while it starts leaves no node behind either.
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  // Died by a bug here: the nodes must not outlive it (they would notice the closed pipe, too).
  process.once('exit', stop);
  try {
    const signal = AbortSignal.any([context.signal, asked.signal]);
    devnet = await startDevnet(optionsOf(context, flags, signal));
    if (signal.aborted) stop();
    announce(context, devnet);
    const screen = showDevnet(context, devnet);
    await devnet.stopped.finally(() => screen.stop());
  } finally {
    process.off('exit', stop);
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
  context.note('devnet stopped');
  return EXIT.ok.code;
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function optionsOf(context: Context, flags: DevnetFlags, signal: AbortSignal): DevnetOptions {
  return {
    root: resolve(context.workingDir, flags.dir),
    fresh: flags.fresh === true,
    validators: wholeOf('--validators', flags.validators ?? VALIDATORS, VALIDATORS_MAX, 1),
    cluster: membersOf(flags),
    ...(flags.port === undefined ? {} : { port: wholeOf('--port', flags.port, 65_535) }),
    settings: {
      ...(flags.blockTime === undefined
        ? {}
        : {
            'consensus.blockIntervalMs': String(
              wholeOf('--block-time', flags.blockTime, 3_600_000),
            ),
          }),
      ...settingsOf(flags.set ?? []),
    },
    signal,
    onFailure(name, code, logLines) {
      context.note(
        [`${name} ended (${code}) though nobody asked it to. Its log ends:`, ...logLines].join(
          '\n  ',
        ),
      );
    },
  };
}

/** Members of one cluster, or 0 for a network of validators. */
function membersOf({ cluster, validators, blockTime }: DevnetFlags): number {
  if (cluster === undefined) return 0;
  const other =
    validators === undefined
      ? blockTime === undefined
        ? undefined
        : '--block-time'
      : '--validators';
  if (other === undefined) return wholeOf('--cluster', cluster, MEMBERS_MAX, 1);
  throw cliError(
    'cli/usage',
    `--cluster and ${other}: a cluster of one organisation has no chain; give one of them`,
  );
}

function wholeOf(flag: string, text: string, max: number, min = 0): number {
  const value = parseSafe(text, max);
  if (value === undefined || value < min)
    throw cliError('cli/usage', `${flag} ${text}: a whole number from ${min} to ${max}`);
  return value;
}

function announce(context: Context, { file, paths }: Devnet): void {
  const short = (path: string) => relative(context.workingDir, path) || path;
  context.print(`devnet ${file.networkId} ready: ${file.rpc}`);
  for (const node of file.nodes) {
    context.print(`  ${node.name}   ${node.rpc}   log ${node.origin}`);
  }
  for (const { name, key, file: keyFile } of file.accounts) {
    context.print(`  ${name}  ${key}  ${short(keyFile)}`);
  }
  const found = findDevnet(context.workingDir)?.pid === process.pid;
  const how = (finds: string, flag: string) =>
    found ? `${finds} finds it there` : `${finds} needs ${flag}`;
  const [rpcHow, trustHow] = [
    how('pyralog stamp', `--node ${file.rpc}`),
    how('pyralog verify', `--trust ${short(paths.trust)}`),
  ];
  context.print(`  address  written to ${short(paths.devnet)} (${rpcHow})`);
  context.print(`  trust    pinned in ${short(paths.trust)} (${trustHow})`);
  context.print(`  node logs ${short(join(paths.nodes, 'node-N', 'node.log'))}`);
  context.print('Ctrl-C stops it.');
  const { control: _, ...shown } = file;
  context.answer({ ...shown, trust: paths.trust });
}

/** `pyralog devnet status`. */
export async function devnetStatus(context: Context, flags: DevnetFlags): Promise<ExitCode> {
  const file = runningDevnet(context, flags);
  const nodes = await readStatus(file);
  context.print(`devnet ${file.networkId}: ${file.rpc}, process ${file.pid}`);
  for (const node of nodes) context.print(`  ${lineOf(node)}`);
  context.answer({
    networkId: file.networkId,
    rpc: file.rpc,
    pid: file.pid,
    nodes: nodes.map((node) => ({
      ...node,
      records: String(node.records),
      anchored: String(node.anchored),
      ...(node.cluster === undefined
        ? {}
        : { cluster: { ...node.cluster, epoch: String(node.cluster.epoch) } }),
    })),
  });
  return nodes.some(({ answers }) => answers) ? EXIT.ok.code : EXIT.unreachable.code;
}

function lineOf(node: NodeStatus): string {
  const { name, answers, height, records, anchored, peers, finalitySeconds, cluster } = node;
  if (!answers) return `${name}: does not answer`;
  if (cluster !== undefined) {
    const { leads, epoch, linksUp, links, problem } = cluster;
    const what = `${roleOf(leads)}, epoch ${epoch}, links ${linksUp} of ${links}`;
    return `${name}: ${what}, records ${records}${problem === undefined ? '' : `; ${problem}`}`;
  }
  const finality =
    finalitySeconds === undefined ? 'none yet' : `${Math.round(finalitySeconds * 1_000)} ms`;
  return `${name}: height ${height}, finality ${finality}, peers ${peers}, records ${records} (${anchored} final)`;
}

/** `pyralog devnet wait`: until every node answers and has reached the height. */
export async function devnetWait(context: Context, flags: DevnetWaitFlags): Promise<ExitCode> {
  const height = wholeOf('--height', flags.height ?? '1', Number.MAX_SAFE_INTEGER);
  const seconds = wholeOf('--timeout', flags.timeout, 86_400);
  const deadline = performance.now() + seconds * 1_000;
  for (;;) {
    const file = findRunning(context, flags);
    const nodes = file === undefined ? [] : await readStatus(file);
    const heights = nodes.map((node) => (node.answers ? node.height : -1));
    if (heights.length > 0 && heights.every((reached) => reached >= height)) {
      context.print(`all ${heights.length} nodes are at height ${height} or above`);
      context.answer({ height: Math.min(...heights), nodes: heights.length });
      return EXIT.ok.code;
    }
    if (performance.now() > deadline || context.signal.aborted) {
      if (file === undefined) throw noDevnet(context, flags);
      const seen = `heights ${heights.join(', ')}`;
      throw devnetError('devnet/not-ready', `not at height ${height} after ${seconds} s: ${seen}`);
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

/** `pyralog devnet down`: asks the devnet's process to stop and waits until it has. */
export async function devnetDown(context: Context, flags: DevnetFlags): Promise<ExitCode> {
  const file = runningDevnet(context, flags);
  const { pid, rpc } = file;
  // A file left by a power cut may name a number that is somebody else's by now: only who answers as this devnet is it.
  if (!(await isThisDevnet(file))) {
    throw devnetError(
      'devnet/not-running',
      `${rpc} does not answer as the devnet of devnet.json, so process ${pid} is left alone; if it is yours, end it with kill ${pid}, and remove devnet.json`,
    );
  }
  process.kill(pid, 'SIGTERM');
  const deadline = performance.now() + DOWN_MS_MAX;
  while (isAlive(pid)) {
    if (performance.now() > deadline) {
      throw devnetError('devnet/running', `process ${pid} does not stop; kill -9 ${pid} ends it`);
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
  context.print(`devnet of process ${pid} stopped`);
  context.answer({ stopped: pid });
  return EXIT.ok.code;
}

async function isThisDevnet(file: DevnetFile): Promise<boolean> {
  const known = sendOrder(file, { op: 'status', nodes: [] }).then(
    () => true,
    () => false, // not its control port: perhaps a node of it answers
  );
  return (await known) || answersAs(file.rpc, file.origin);
}

const FAULT_VALUES = {
  delay: 'milliseconds, 0 or more, come before the nodes: devnet fault delay 100 node-2',
  drop: 'a probability from 0 to 1 comes before the nodes: devnet fault drop 0.1 node-2',
} as const;

/** `pyralog devnet fault KIND NODE…`. */
export async function devnetFault(
  context: Context,
  [kind = '', ...args]: readonly string[],
  flags: DevnetFlags,
): Promise<ExitCode> {
  const file = runningDevnet(context, flags);
  const takesValue = kind === 'delay' || kind === 'drop';
  const [value, ...rest] = args;
  const nodes = takesValue ? rest : args;
  if (!FAULT_ORDERS.some((known) => known === kind)) {
    throw cliError('cli/usage', `devnet fault ${kind}: there are ${FAULT_ORDERS.join(', ')}`);
  }
  if (takesValue && !/^[0-9]+(\.[0-9]+)?$/.test(value ?? '')) {
    throw cliError('cli/usage', `devnet fault ${[kind, ...args].join(' ')}: ${FAULT_VALUES[kind]}`);
  }
  if (nodes.length === 0 && kind !== 'heal') {
    throw cliError('cli/usage', `devnet fault ${kind}: name the nodes, such as node-1`);
  }
  const later = laterOf(
    await sendOrder(file, {
      op: kind,
      nodes,
      ...(takesValue && value !== undefined ? { value } : {}),
    }),
  );
  const waits = later.length === 0 ? '' : `; ${later.join(', ')}, paused, when resumed`;
  context.print(
    `${kind}${takesValue ? ` ${value}` : ''}: ${nodes.join(', ') || 'all nodes'}${waits}`,
  );
  context.answer({ fault: kind, nodes, later, ...(takesValue ? { value } : {}) });
  return EXIT.ok.code;
}

/** Nodes that hear of an order only when they are resumed. */
function laterOf(result: unknown): string[] {
  const { later }: { later?: unknown } = { ...(result ?? {}) };
  return Array.isArray(later) ? later.map(String) : [];
}

/** `pyralog devnet dump DIR`. */
export async function devnetDump(
  context: Context,
  dir: string,
  flags: DevnetFlags,
): Promise<ExitCode> {
  const file = runningDevnet(context, flags);
  const value = resolve(context.workingDir, dir);
  await sendOrder(file, { op: 'dump', nodes: [], value });
  context.print(`data of all nodes copied to ${value}`);
  context.answer({ dumped: value });
  return EXIT.ok.code;
}

/** `pyralog devnet load DIR`: the next `devnet` goes on from there. */
export async function devnetLoad(
  context: Context,
  dir: string,
  flags: DevnetFlags,
): Promise<ExitCode> {
  const paths = devnetPaths(resolve(context.workingDir, flags.dir));
  const running = readDevnetFile(paths.devnet);
  if (running !== undefined) {
    throw devnetError('devnet/running', `process ${running.pid} runs here; stop it first`);
  }
  const validators = loadDump(resolve(context.workingDir, dir), paths);
  const where = flags.dir === '.pyralog' ? '' : ` --dir ${flags.dir}`;
  context.print(`loaded; start it with \`pyralog devnet up --validators ${validators}${where}\``);
  context.answer({ loaded: paths.nodes });
  return EXIT.ok.code;
}

function runningDevnet(context: Context, flags: { readonly dir: string }): DevnetFile {
  const file = findRunning(context, flags);
  if (file !== undefined) return file;
  throw noDevnet(context, flags);
}

function noDevnet(context: Context, flags: { readonly dir: string }) {
  return devnetError(
    'devnet/not-running',
    `no devnet runs in ${resolve(context.workingDir, flags.dir)}; \`pyralog devnet\` starts one`,
  );
}

function findRunning(context: Context, flags: { readonly dir: string }): DevnetFile | undefined {
  // Without --dir it is the devnet that `stamp` finds (E2).
  const found = flags.dir === '.pyralog' ? findDevnet(context.workingDir) : undefined;
  return found ?? readDevnetFile(devnetPaths(resolve(context.workingDir, flags.dir)).devnet);
}
