/** The load generator as its parent sees it. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { terminate } from '../child.ts';
import { BenchError } from '../errors.ts';
import { askChild } from './ask.ts';
import type { CallsCommand, Command, LoadResult, PackedCommand } from './types.ts';

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
  const ask = (command: Command) => askChild<LoadResult>(child, command, signal);
  return {
    connect: async (host, port, clients) => {
      await ask({ kind: 'connect', host, port, clients });
    },
    run: async (command) => {
      const result = await ask(command);
      if (result === null)
        throw new BenchError('bench/child-failed', 'the load generator gave no result');
      return result;
    },
    stop: () => terminate(child),
  };
}
