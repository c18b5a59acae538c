import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type ConfigValue,
  createDataDir,
  createGenesis,
  describeConfig,
  loadConfig,
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
