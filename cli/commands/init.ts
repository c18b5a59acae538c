import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createGenesis } from '../../node/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { makeDir } from '../make-dir.ts';
import { makeNode, readGenesisFile } from '../make-node.ts';
import { checkName } from '../names.ts';
import { makeValidatorKeys, validatorPaths } from '../validator-keys.ts';

export interface InitFlags {
  readonly network: string;
  readonly name: string;
  readonly cluster?: string;
  readonly genesis?: string;
  readonly validator?: boolean;
}

/** `pyralog init`: a commented configuration, a genesis, keys, a data directory; or the keys of a validator to be. */
export async function init(context: Context, dir: string, flags: InitFlags): Promise<ExitCode> {
  const { network, name, cluster = 'local' } = flags;
  checkName('network', network);
  checkName('node', name);
  checkName('cluster', cluster);
  const root = resolve(context.workingDir, dir);
  if (flags.validator === true) return initValidator(context, root, flags);
  const file = join(root, 'pyralog.yaml');
  if (existsSync(file)) throw cliError('cli/file', `${file}: exists already; nothing was changed`);
  if (existsSync(validatorPaths(root).line)) {
    throw cliError(
      'cli/usage',
      `${root}: has validator keys; \`pyralog join\` makes a node of them`,
    );
  }
  const genesis =
    flags.genesis === undefined
      ? createGenesis(network, Date.now())
      : readGenesisFile(flags.genesis);
  makeDir(root);
  const passphrase = context.environment['PYRALOG_PASSPHRASE'];
  const made = await makeNode({
    root,
    genesis,
    names: { name, cluster },
    peers: [],
    passphrase,
    validator: undefined,
    protection: undefined,
  });
  context.print(`network ${made.networkId}`);
  context.print(`configuration ${made.file}`);
  context.print(`data ${made.dataDir} (keys ${passphrase === undefined ? 'not ' : ''}encrypted)`);
  context.print('start it with `pyralog start`');
  context.answer({ networkId: made.networkId, config: made.file, dataDir: made.dataDir });
  return EXIT.ok.code;
}

/** `pyralog init --validator`: keys, and the line that the genesis is to have (I7). */
async function initValidator(context: Context, root: string, flags: InitFlags): Promise<ExitCode> {
  if (flags.genesis !== undefined) {
    throw cliError(
      'cli/usage',
      '--validator makes keys for a genesis to come; with a genesis there already, run it without --genesis and then `pyralog join`',
    );
  }
  makeDir(root);
  // A cluster is registered once a network (X6): every validator its own, unless it says otherwise.
  const { network, name, cluster = name } = flags;
  const passphrase = context.environment['PYRALOG_PASSPHRASE'];
  const line = await makeValidatorKeys(root, { network, cluster, name }, passphrase);
  const file = validatorPaths(root).line;
  context.print(`vote key ${line.voteKey}`);
  context.print(`account ${line.account}`);
  context.print(`give ${file} to whoever makes the genesis (\`pyralog genesis add-validator\`)`);
  context.print(
    `keys in ${validatorPaths(root).dir}, ${passphrase === undefined ? 'not encrypted; guard them' : 'encrypted'}`,
  );
  context.answer({ ...line, file });
  return EXIT.ok.code;
}
