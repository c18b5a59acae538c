import { resolve } from 'node:path';
import { findDevnet } from '../devnet/index.ts';
import { loadConfig } from '../node/index.ts';
import type { Context } from './context.ts';

export interface DataDirFlags {
  readonly config?: string;
  readonly dir?: string;
}

/** The data directory meant: `--dir`, that of a devnet running here, else that of the configuration (D7). */
export async function dataDirOf(context: Context, flags: DataDirFlags): Promise<string> {
  const { workingDir, environment } = context;
  if (flags.dir !== undefined) return resolve(workingDir, flags.dir);
  const running = findDevnet(workingDir);
  if (running !== undefined && flags.config === undefined) return running.dataDir;
  const { config } = await loadConfig({ file: flags.config, environment, flags: {}, workingDir });
  return config.dataDir;
}
