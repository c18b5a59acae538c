import { relative, resolve } from 'node:path';
import { parseSafe } from '../../base/decimal.ts';
import {
  type Devnet,
  devnetError,
  devnetPaths,
  findDevnet,
  isAlive,
  readDevnetFile,
  readStatus,
  startDevnet,
} from '../../devnet/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { settingsOf } from './start.ts';

export interface DevnetFlags {
  readonly dir: string;
  readonly fresh?: boolean;
  readonly port?: string;
  readonly set?: readonly string[];
}

const REFRESH_MS = 1_000;
const DOWN_MS_MAX = 15_000;

/** `pyralog devnet`: runs until it is told to stop; Ctrl-C drains, a second one kills. */
export async function devnetUp(context: Context, flags: DevnetFlags): Promise<ExitCode> {
  const root = resolve(context.workingDir, flags.dir);
  const devnet = await startDevnet({
    root,
    fresh: flags.fresh === true,
    ...(flags.port === undefined ? {} : { port: portOf(flags.port) }),
    settings: settingsOf(flags.set ?? []),
  });
  const stop = () => devnet.stop();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  // Died by a bug here: the nodes must not outlive it (they would notice the closed pipe, too).
  process.once('exit', stop);
  if (context.signal.aborted) stop();
  announce(context, devnet);
  const screen = showStatus(context, devnet);
  try {
    await devnet.stopped;
  } finally {
    screen.stop();
    process.off('exit', stop);
    for (const signal of signals) process.off(signal, stop);
  }
  context.note('devnet stopped');
  return EXIT.ok.code;
}

function portOf(text: string): number {
  const port = parseSafe(text, 65_535);
  if (port === undefined) throw cliError('cli/usage', `--port ${text}: a port is 0 to 65535`);
  return port;
}

function announce(context: Context, { file, paths, logFile }: Devnet): void {
  const short = (path: string) => relative(context.workingDir, path) || path;
  context.print(`devnet ${file.networkId} ready: ${file.rpc}`);
  context.print(`  log      ${file.origin}`);
  context.print(`  admin    ${file.admin}`);
  context.print(`  address  written to ${short(paths.devnet)} (pyralog stamp finds it there)`);
  context.print(`  trust    pinned in ${short(paths.trust)} (pyralog verify finds it there)`);
  context.print(`  node log ${short(logFile)}`);
  context.print('Ctrl-C stops it.');
  context.answer({ ...file, trust: paths.trust });
}

function showStatus(context: Context, { file }: Devnet): { stop(): void } {
  let last: { size: bigint; at: number } | undefined;
  let shown = '';
  const timer = setInterval(async () => {
    const status = await readStatus(file.rpc);
    const at = performance.now();
    if (status === undefined) return;
    const seconds = last === undefined ? 1 : (at - last.at) / 1_000;
    const rate = last === undefined ? 0 : Number(status.size - last.size) / seconds;
    last = { size: status.size, at };
    const state = `size ${status.size}, checkpoint ${status.checkpointSize ?? 'none yet'}`;
    const line = `${state}, ${Math.round(rate)} receipts/s`;
    if (context.json) return;
    if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${line}`);
    else if (state !== shown) context.print(line);
    shown = state;
  }, REFRESH_MS);
  return {
    stop() {
      clearInterval(timer);
      if (process.stdout.isTTY && shown !== '') process.stdout.write('\n');
    },
  };
}

/** `pyralog devnet status`. */
export async function devnetStatus(context: Context, flags: DevnetFlags): Promise<ExitCode> {
  const file = runningDevnet(context, flags);
  const status = await readStatus(file.rpc);
  context.print(`devnet ${file.networkId}: ${file.rpc}, process ${file.pid}`);
  context.print(
    status === undefined
      ? 'it does not answer'
      : `log ${status.origin}: size ${status.size}, checkpoint ${status.checkpointSize ?? 'none yet'}`,
  );
  context.answer({ ...file, answers: status !== undefined, ...status });
  return status === undefined ? EXIT.unreachable.code : EXIT.ok.code;
}

/** `pyralog devnet down`: asks the devnet's process to stop and waits until it has. */
export async function devnetDown(context: Context, flags: DevnetFlags): Promise<ExitCode> {
  const { pid, rpc, origin } = runningDevnet(context, flags);
  // A file left by a power cut may name a number that is somebody else's by now: only who answers as this devnet is it.
  const status = await readStatus(rpc);
  if (status?.origin !== origin) {
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
    await new Promise((done) => setTimeout(done, 20));
  }
  context.print(`devnet of process ${pid} stopped`);
  context.answer({ stopped: pid });
  return EXIT.ok.code;
}

function runningDevnet(context: Context, flags: DevnetFlags) {
  const root = resolve(context.workingDir, flags.dir);
  // Without --dir it is the devnet that `stamp` finds (E2).
  const found = flags.dir === '.pyralog' ? findDevnet(context.workingDir) : undefined;
  const file = found ?? readDevnetFile(devnetPaths(root).devnet);
  if (file !== undefined) return file;
  throw devnetError(
    'devnet/not-running',
    `no devnet runs in ${root}; \`pyralog devnet\` starts one`,
  );
}
