import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PyralogError } from '../base/errors.ts';
import { devnetError } from './files.ts';

/** What a node says once it answers. */
export interface ReadyNode {
  readonly address: { readonly host: string; readonly port: number };
  readonly adminAddress?: { readonly host: string; readonly port: number };
  readonly networkId: string;
  readonly origin: string;
  readonly policy: {
    readonly scope: string;
    readonly keys: readonly string[];
    readonly threshold: number;
    readonly faults: number;
  };
}

export interface NodeProcess {
  readonly pid: number;
  readonly logFile: string;
  readonly ready: Promise<ReadyNode>;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  /** Drains and ends it; a second call kills it. */
  stop(): void;
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

const LOG_LINES_SHOWN = 12;
const SAME_STOP_MS = 500;

/** Starts one node as a process of its own, with settings as flags and its log in a file beside its data. */
export function startNodeProcess(
  dir: string,
  flags: Readonly<Record<string, string>>,
): NodeProcess {
  const logFile = join(dir, 'node.log');
  if (existsSync(logFile)) renameSync(logFile, join(dir, 'node.log.old'));
  const log = openSync(logFile, 'w');
  const child = spawn(
    process.execPath,
    [
      ...NODE_FLAGS,
      fileURLToPath(new URL('./child-main.mjs', import.meta.url)),
      JSON.stringify({ ...flags, dataDir: dir }),
    ],
    // A group of its own: a terminal's Ctrl-C reaches the parent alone, which then stops its nodes in order.
    { stdio: ['ignore', log, log, 'ipc'], detached: true, env: { ...MALLOC, ...process.env } },
  );
  closeSync(log);
  const exited = new Promise<number | string>((resolve) => {
    child.on('exit', (code, signal) => resolve(code ?? signal ?? 1));
    child.on('error', (error) => resolve(error.message));
  });
  const ready = readiness(child, exited, logFile);
  ready.catch(() => {}); // whoever awaits it hears of it; a node that is stopped early has nobody
  let stoppedMs: number | undefined;
  return {
    pid: child.pid ?? 0,
    logFile,
    ready,
    exited,
    stop() {
      const now = performance.now();
      // A terminal's Ctrl-C comes again through npm and the launcher: that is not a second wish.
      if (stoppedMs !== undefined && now - stoppedMs < SAME_STOP_MS) return;
      const again = stoppedMs !== undefined;
      stoppedMs = now;
      // A paused process hears nothing but this.
      child.kill('SIGCONT');
      if (again) child.kill('SIGKILL');
      else if (child.connected) child.disconnect();
      else child.kill('SIGTERM');
    },
    signal(name) {
      child.kill(name);
    },
  };
}

/** glibc keeps a heap of its own for every thread otherwise: some 5 MB that nobody uses. */
const MALLOC = { MALLOC_ARENA_MAX: '2' };

/**
 * For the main thread; the RPC thread is given a limit of its own. With 1 MiB a quarter of the work under load is collecting;
 * with 4 a transaction costs a tenth less, and a node at rest is no larger, because `settleHeap` of node/ shrinks it.
 */
const NODE_FLAGS = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'];

/** The end of a node's log, for people to see why it ended. */
export function lastLogLines(logFile: string): string[] {
  if (!existsSync(logFile)) return [];
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN);
}

async function readiness(
  child: ChildProcess,
  exited: Promise<number | string>,
  logFile: string,
): Promise<ReadyNode> {
  let reason = '';
  const said = new Promise<ReadyNode | string>((resolve) => {
    child.on(
      'message',
      (message: { kind: string; message?: string; code?: string } & ReadyNode) => {
        reason = message.code ?? '';
        resolve(message.kind === 'ready' ? message : (message.message ?? ''));
      },
    );
  });
  const first = await Promise.race([said, exited.then((code) => `exited with ${code}`)]);
  if (typeof first !== 'string') return first;
  throw startFailure(`${first} (exit ${await exited})`, { reason, logFile });
}

function startFailure(
  what: string,
  { reason, logFile }: { reason: string; logFile: string },
): PyralogError {
  const message = [
    `the node did not start: ${what}. Its log ${logFile} ends:`,
    ...lastLogLines(logFile),
  ].join('\n  ');
  const listener = LISTENERS[reason];
  if (listener === undefined) return devnetError('devnet/start-failed', message);
  return new PyralogError('devnet/port-taken', message, { data: { listener } });
}

/** Whose port was taken, by the code that the node failed with. */
const LISTENERS: Readonly<Record<string, 'rpc' | 'p2p'>> = {
  'rpc/listen': 'rpc',
  'net/address-taken': 'p2p',
};
