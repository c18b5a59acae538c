import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type ConfigValue,
  createDataDir,
  createGenesis,
  describeConfig,
  loadConfig,
  nearestName,
  nodeError,
  runNode,
  writeDurably,
  writeNodeKeys,
} from '../../node/index.ts';
import { type Genesis, parseGenesisJson } from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { reasonOf } from '../hash-file.ts';

export interface InitFlags {
  readonly network: string;
  readonly name: string;
  readonly genesis?: string;
}

export interface StartFlags {
  readonly config?: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

/** `pyralog init`: a commented configuration, a genesis, keys, a data directory. */
export async function init(context: Context, dir: string, flags: InitFlags): Promise<ExitCode> {
  const root = resolve(context.workingDir, dir);
  const file = join(root, 'pyralog.yaml');
  if (existsSync(file)) throw cliError('cli/file', `${file}: exists already; nothing was changed`);
  const genesis =
    flags.genesis === undefined
      ? createGenesis(flags.network, Date.now())
      : readGenesis(flags.genesis);
  const { format } = await describeConfig();
  const given = new Map<string, ConfigValue>([
    ['network.name', genesis.network],
    ['network.node', flags.name],
  ]);
  mkdirSync(root, { recursive: true });
  const settings = { 'network.name': genesis.network, 'network.node': flags.name };
  const { config } = await loadConfig({ environment: {}, flags: settings, workingDir: root });
  const passphrase = context.environment['PYRALOG_PASSPHRASE'];
  const made = await createDataDir(config.dataDir, genesis, (paths, id) =>
    writeNodeKeys(paths, { id, names: config.network, passphrase }),
  );
  writeDurably(file, format(given), { mode: 0o644, replace: false });
  context.print(`network ${made.networkId}`);
  context.print(`configuration ${file}`);
  context.print(`data ${config.dataDir} (keys ${passphrase === undefined ? 'not ' : ''}encrypted)`);
  context.print('start it with `pyralog start`');
  context.answer({ networkId: made.networkId, config: file, dataDir: config.dataDir });
  return EXIT.ok.code;
}

/** `pyralog start`: every setting is a flag, too. */
export async function start(
  context: Context,
  rest: readonly string[],
  flags: StartFlags,
): Promise<ExitCode> {
  const settings = await settingsOf(rest, flags.set ?? []);
  const loaded = loadConfig({
    file: flags.config,
    environment: context.environment,
    flags: settings,
    workingDir: context.workingDir,
  });
  const config = loaded.then((result) => result.config);
  await runNode(config, {
    onReady({ address, adminAddress, networkId, origin, recovery }) {
      context.print(`pyralog ${networkId}: listening on ${address.host}:${address.port}`);
      context.answer({ address, adminAddress, networkId, origin, recovery, pid: process.pid });
    },
  });
  return EXIT.ok.code;
}

/** Reads `--rpc-port 7070`, `--rpc-port=7070` and `--set rpc.port=7070` into settings by path (D9). */
export async function settingsOf(
  rest: readonly string[],
  pairs: readonly string[],
): Promise<Record<string, string>> {
  const { fields } = await describeConfig();
  const settings: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw cliError('cli/usage', `--set ${pair}: is name=value`);
    settings[pair.slice(0, at)] = pair.slice(at + 1);
  }
  for (let i = 0; i < rest.length; i++) {
    const [flag = '', inline] = splitOnce(rest[i] ?? '');
    const field = fields.find((candidate) => candidate.flag === flag);
    if (field === undefined) {
      const nearest = nearestName(
        flag,
        fields.map((candidate) => candidate.flag),
      );
      const hint = nearest === undefined ? 'see docs/OPERATIONS.md' : `did you mean ${nearest}?`;
      throw nodeError('node/bad-config', `command line: there is no option ${flag}; ${hint}`);
    }
    const value = inline ?? rest[++i];
    if (value === undefined) throw cliError('cli/usage', `${flag}: needs a value`);
    settings[field.path] = value;
  }
  return settings;
}

function splitOnce(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function readGenesis(path: string): Genesis {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw cliError('cli/file', `${path}: cannot be read (${reasonOf(error)})`, error);
  }
  const parsed = parseGenesisJson(text);
  if (!parsed.ok) throw cliError('cli/file', `${path}: ${parsed.message}`);
  return parsed.value;
}
