import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../client/index.ts';
import { timeoutArgument } from './chain-arguments.ts';
import type { Context } from './context.ts';
import { cliError } from './errors.ts';
import { NodeWait } from './node-wait.ts';

export interface NodeFlags {
  /** `--node URL`. */
  readonly node?: string;
  /** `--config FILE`. */
  readonly config?: string;
}

/**
 * Address of the node to talk to (E2): `--node`, `PYRALOG_NODE`, the configuration, `.pyralog/devnet.json` here or in
 * a parent.
 *
 * @throws PyralogError `cli/no-node`, `cli/usage`
 */
export async function findNode(context: Context, flags: NodeFlags): Promise<string> {
  const named = flags.node ?? context.environment['PYRALOG_NODE'];
  if (named !== undefined && named !== '') return checkedUrl(named);
  const { loadConfig } = await import('../node/index.ts');
  const { workingDir, environment } = context;
  const file = flags.config ?? environment['PYRALOG_CONFIG'];
  if (file !== undefined || existsSync(join(workingDir, 'pyralog.yaml'))) {
    const { config } = await loadConfig({ file, environment: {}, flags: {}, workingDir });
    if (config.client.node !== '') return checkedUrl(config.client.node);
    return checkedUrl(`http://${config.rpc.host}:${config.rpc.port}`);
  }
  const { findDevnet } = await import('../devnet/index.ts');
  const devnet = findDevnet(workingDir);
  if (devnet !== undefined) return devnet.rpc;
  throw cliError(
    'cli/no-node',
    'no node found: start one with `pyralog devnet`, or name one with --node URL or PYRALOG_NODE',
  );
}

function checkedUrl(text: string): string {
  const withScheme = /^[a-z]+:\/\//.test(text) ? text : `http://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url !== undefined && ['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol)) {
    return withScheme.replace(/\/$/, '');
  }
  throw cliError('cli/usage', `${text}: not the address of a node, such as http://127.0.0.1:7070`);
}

const ANSWER_MS_MAX = 30_000;

/**
 * Runs `task` with a client of the node that was found, and closes it. No question waits longer than `--timeout`, with all
 * its tries; what takes long is said (E4).
 */
export async function withNode<T>(
  context: Context,
  flags: NodeFlags & { readonly timeout?: string },
  task: (client: Client, url: string) => Promise<T>,
): Promise<T> {
  const answerMsMax = flags.timeout === undefined ? ANSWER_MS_MAX : timeoutArgument(flags.timeout);
  const [url, { createClient }] = await Promise.all([
    findNode(context, flags),
    import('../client/index.ts'),
  ]);
  const waiting = new NodeWait(context, url);
  const client = createClient({
    url,
    retry: { attemptsMax: 3, waitMsFirst: 100 },
    answerMsMax: Math.min(answerMsMax, ANSWER_MS_MAX),
    onCall: () => waiting.begin(),
  });
  try {
    return await task(client, url);
  } finally {
    await client.close();
  }
}
