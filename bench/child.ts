/** Child processes of a bench: none outlives it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BenchError } from './errors.ts';

export const repository: string = fileURLToPath(new URL('..', import.meta.url));

/** A child that ignores SIGTERM for so long is killed. */
const TERM_MS_MAX = 10_000;

interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

/** Runs a program to its end and hands over each line of its output. `bench/child-failed` when it does not exit with 0. */
export async function runLines(
  { command, args, cwd = repository }: Command,
  signal: AbortSignal,
  line: (text: string) => void,
): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], signal });
  const ended = exited(child, command);
  const lines = createInterface({ input: child.stdout });
  lines.on('line', line);
  const [code] = await Promise.all([ended, new Promise((done) => lines.once('close', done))]);
  if (code !== 0)
    throw new BenchError('bench/child-failed', `${command} ${args.join(' ')} exited with ${code}`);
}

/** Exit code or signal; rejects when the program cannot be started or `signal` fired. */
export function exited(child: ChildProcess, command: string): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(
        cause.name === 'AbortError'
          ? cause
          : new BenchError('bench/child-failed', `cannot run ${command}: ${cause.message}`, {
              cause,
            }),
      ),
    );
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
}

/** SIGTERM, then SIGKILL; returns once the process is gone. */
export async function terminate(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise((done) => child.once('exit', done));
  const kill = setTimeout(() => child.kill('SIGKILL'), TERM_MS_MAX);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(kill);
}
