/** The load generator as its parent sees it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { terminate } from '../child.ts';
import { BenchError } from '../errors.ts';
import type { CallsCommand, Command, LoadResult, PackedCommand, Reply } from './types.ts';

export type { LoadResult, Sample } from './types.ts';

export interface LoadGenerator {
  /** Opens connections; later runs use the first so many of them. */
  connect(host: string, port: number, clients: number): Promise<void>;
  /** Rejects with `bench/wrong-answer` when an answer is wrong. */
  run(command: CallsCommand | PackedCommand): Promise<LoadResult>;
  stop(): Promise<void>;
}

export function startLoadGenerator(signal: AbortSignal): LoadGenerator {
  signal.throwIfAborted();
  const child = fork(fileURLToPath(new URL('main.ts', import.meta.url)), [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  });
  return {
    connect: async (host, port, clients) => {
      await ask(child, { kind: 'connect', host, port, clients }, signal);
    },
    run: async (command) => {
      const result = await ask(child, command, signal);
      if (result === null)
        throw new BenchError('bench/child-failed', 'the load generator gave no result');
      return result;
    },
    stop: () => terminate(child),
  };
}

/** One command at a time: the next message is its reply. */
async function ask(
  child: ChildProcess,
  command: Command,
  signal: AbortSignal,
): Promise<LoadResult | null> {
  const over = new AbortController();
  const gone = once(child, 'exit', { signal: over.signal }).then((): never => {
    throw new BenchError('bench/child-failed', 'the load generator ended before it answered');
  });
  const answer = once(child, 'message', { signal: AbortSignal.any([over.signal, signal]) });
  try {
    child.send(command);
    const [reply] = (await Promise.race([answer, gone])) as [Reply];
    if (!reply.ok) throw new BenchError('bench/wrong-answer', reply.message);
    return reply.result;
  } finally {
    over.abort();
    await Promise.allSettled([answer, gone]);
  }
}
