import type { Command } from 'commander';
import type { Context } from './context.ts';

/** Ties a command to its file: `run` is told the context and the parsed command, and answers an exit code. */
export type Action = (
  run: (context: Context, command: Command) => Promise<number>,
) => (...args: unknown[]) => Promise<void>;
