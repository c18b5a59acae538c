import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../client/index.ts';
import type { Context } from './context.ts';
import { cliError } from './errors.ts';
import { NodeWait } from './node-wait.ts';

export interface AdminFlags {
  /** `--admin URL`. */
  readonly admin?: string;
  /** `--token-file FILE`. */
  readonly tokenFile?: string;
  /** `--config FILE`. */
  readonly config?: string;
}

interface AdminPlace {
  readonly url: string;
  readonly tokenFile: string;
}

/**
 * Runs `task` with a client of a node's admin port (E11): the one that the flags, the configuration or a devnet here name.
 *
 * @throws PyralogError `cli/no-node`, `cli/file`
 */
export async function withAdmin<T>(
  context: Context,
  flags: AdminFlags,
  task: (client: Client) => Promise<T>,
): Promise<T> {
  const { url, tokenFile } = await findAdmin(context, flags);
  const token = readToken(tokenFile);
  const { createClient } = await import('../client/index.ts');
  const waiting = new NodeWait(context, url);
  const retry = { attemptsMax: 2, waitMsFirst: 100 };
  const client = createClient({ url, token, retry, onCall: () => waiting.begin() });
  try {
    return await task(client);
  } finally {
    await client.close();
  }
}

async function findAdmin(context: Context, flags: AdminFlags): Promise<AdminPlace> {
  if (flags.admin !== undefined && flags.tokenFile !== undefined) {
    return { url: flags.admin, tokenFile: flags.tokenFile };
  }
  const known = await knownAdmin(context, flags);
  const url = flags.admin ?? known?.url;
  const tokenFile = flags.tokenFile ?? known?.tokenFile;
  if (url !== undefined && tokenFile !== undefined) return { url, tokenFile };
  throw cliError(
    'cli/no-node',
    'no admin port found: run this beside pyralog.yaml or a devnet, or name one with --admin URL and --token-file FILE',
  );
}

async function knownAdmin(
  { workingDir, environment }: Context,
  flags: AdminFlags,
): Promise<AdminPlace | undefined> {
  const file = flags.config ?? environment['PYRALOG_CONFIG'];
  if (file !== undefined || existsSync(join(workingDir, 'pyralog.yaml'))) {
    const { loadConfig } = await import('../node/index.ts');
    const { config } = await loadConfig({ file, environment: {}, flags: {}, workingDir });
    const url = `http://127.0.0.1:${config.rpc.adminPort}`;
    return { url, tokenFile: join(config.dataDir, 'admin.token') };
  }
  const { findDevnet } = await import('../devnet/index.ts');
  const devnet = findDevnet(workingDir);
  return devnet && { url: devnet.admin, tokenFile: join(devnet.dataDir, 'admin.token') };
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw cliError('cli/file', `${file}: the token of the admin port cannot be read`, cause);
  }
}
