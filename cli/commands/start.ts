import { runNode } from '../../node/process/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';

export interface StartFlags {
  readonly config?: string;
  readonly set?: readonly string[];
}

/** `pyralog start`: every setting is a flag, too (D9). */
export async function start(
  context: Context,
  rest: readonly string[],
  flags: StartFlags,
): Promise<ExitCode> {
  const sources = {
    file: flags.config,
    environment: { ...context.environment },
    flags: settingsOf(flags.set ?? []),
    arguments: rest,
    workingDir: context.workingDir,
  };
  await runNode(sources, {
    onReady({ address, adminAddress, networkId, origin, recovery }) {
      context.print(`pyralog ${networkId}: listening on ${address.host}:${address.port}`);
      context.answer({ address, adminAddress, networkId, origin, recovery, pid: process.pid });
    },
  });
  return EXIT.ok.code;
}

/** Reads `--set rpc.port=7070` into settings by path. */
export function settingsOf(pairs: readonly string[]): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw cliError('cli/usage', `--set ${pair}: is name=value`);
    settings[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return settings;
}
