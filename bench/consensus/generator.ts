/** The load generator as its parent sees it. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { terminate } from '../child.ts';
import { BenchError } from '../errors.ts';
import { askChild } from '../load/ask.ts';
import type {
  LoadResult,
  LoopCommand,
  OpenCommand,
  RateCommand,
  ReceiptsCommand,
} from './types.ts';

export interface ChainLoad {
  open(command: Omit<OpenCommand, 'kind'>): Promise<void>;
  /** Signs so many transactions ahead. */
  sign(transactions: number): Promise<void>;
  /** Rejects with `bench/wrong-answer` when an answer is wrong or a transaction is lost. */
  run(command: RateCommand | LoopCommand | ReceiptsCommand): Promise<LoadResult>;
  stop(): Promise<void>;
}

export function startChainLoad(signal: AbortSignal): ChainLoad {
  signal.throwIfAborted();
  const child = fork(fileURLToPath(new URL('load-main.ts', import.meta.url)), [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  });
  const ask = (command: object) => askChild<LoadResult>(child, command, signal);
  return {
    open: async (command) => {
      await ask({ kind: 'open', ...command });
    },
    sign: async (transactions) => {
      await ask({ kind: 'sign', transactions });
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
