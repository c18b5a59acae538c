import type { Command } from 'commander';
import type { Action } from './action.ts';
import type { InitFlags } from './commands/init.ts';
import type { KeyFlags } from './commands/keys.ts';
import type { StartFlags } from './commands/start.ts';
import { examples } from './examples.ts';
import { addDevnetGroup, addSimCommand } from './program-devnet.ts';

const collect = (value: string, before: string[] = []) => [...before, value];

/** `init`, `start`, `devnet`, `sim`, `keys`, `doctor`, `bench`, `completions`. */
export function addNodeCommands(program: Command, action: Action): void {
  program
    .command('init')
    .description('write a commented configuration and make the data directory')
    .argument('[dir]', 'directory', '.')
    .option('--network <name>', 'network name', 'pyralog')
    .option('--name <node>', 'node name', 'node-0')
    .option('--cluster <name>', 'cluster name (default: local; with --validator the node name)')
    .option('--genesis <file>', 'a node of the network of this genesis.json')
    .option('--validator', 'only the keys of a validator, for a genesis to come')
    .addHelpText(
      'after',
      examples(
        'pyralog init',
        'pyralog init /srv/pyralog --network acme',
        'pyralog init node-0 --validator --network acme --name node-0',
      ),
    )
    .action(
      action(async (context, command) => {
        const { init } = await import('./commands/init.ts');
        return init(context, command.args[0] ?? '.', command.opts<InitFlags>());
      }),
    );
  program
    .command('start')
    .description(
      'run a node until SIGTERM or Ctrl-C; the first drains, a second one ends it at once',
    )
    .option('-c, --config <file>', 'configuration file (default: pyralog.yaml)')
    .option('-s, --set <name=value>', 'a setting, such as rpc.port=7070 (repeatable)', collect)
    .addHelpText(
      'after',
      '\nEvery setting of the configuration file is a flag, too: rpc.port is --rpc-port (docs/OPERATIONS.md).',
    )
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText(
      'after',
      examples(
        'pyralog start',
        'pyralog start --config /etc/pyralog.yaml --rpc-port 7070',
        'PYRALOG_LOG_LEVEL=debug pyralog start --set store.sha256Tree=true',
      ),
    )
    .action(
      action(async (context, command) => {
        const { start } = await import('./commands/start.ts');
        return start(context, command.args, command.opts<StartFlags>());
      }),
    );
  addDevnetGroup(program, action);
  addSimCommand(program, action);
  addKeysGroup(program, action);
  addTools(program, action);
}

function addTools(program: Command, action: Action): void {
  program
    .command('doctor')
    .description('check this machine, the tools and a data directory')
    .option('-c, --config <file>', 'configuration file')
    .option('--dir <path>', 'data directory to check')
    .addHelpText('after', examples('pyralog doctor', 'pyralog doctor --json'))
    .action(
      action(async (context, command) => {
        const { doctor } = await import('./commands/doctor.ts');
        return doctor(context, command.opts<{ config?: string; dir?: string }>());
      }),
    );
  program
    .command('bench')
    .description('measure against floors of the same machine')
    .argument('[args...]', 'name of a bench and its options')
    .allowUnknownOption()
    .addHelpText('after', examples('pyralog bench log', 'pyralog bench notary --json'))
    .action(
      action(async (context, command) => {
        const { bench } = await import('./commands/bench.ts');
        return bench(context, command.args);
      }),
    );
  program
    .command('completions')
    .description('completion script for a shell')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText(
      'after',
      examples('source <(pyralog completions bash)', 'pyralog completions fish | source'),
    )
    .action(
      action(async (context, command) => {
        const { completions } = await import('./commands/completions.ts');
        return completions(context, command.args[0] ?? '', program);
      }),
    );
}

function addKeysGroup(program: Command, action: Action): void {
  const keys = program.command('keys').description('key files: one key, one purpose, 0600');
  keys.addHelpText('after', examples('pyralog keys list pyralog-data/keys'));
  const withPassphrase = (command: Command) =>
    command.option('--passphrase-file <file>', 'passphrase (else PYRALOG_PASSPHRASE)');
  withPassphrase(keys.command('new'))
    .description('make a key and write its file')
    .argument('<purpose>', 'cosigning, log, vote, transaction, transport or tunnel')
    .argument('<file>', 'key file to write')
    .requiredOption(
      '--name <name>',
      'whose key it is, such as pyralog/<network id>/<cluster>/<node>',
    )
    .option('--no-passphrase', 'do not encrypt, even when PYRALOG_PASSPHRASE is set')
    .addHelpText(
      'after',
      examples('pyralog keys new vote vote.json --name pyralog/acme-00112233aabbccdd/eu/node-0'),
    )
    .action(
      action(async (context, command) => {
        const { keysNew } = await import('./commands/keys.ts');
        return keysNew(context, command.args, command.opts<KeyFlags>());
      }),
    );
  keys
    .command('list')
    .description('purpose, name and public key of key files')
    .argument('<paths...>', 'key files or directories')
    .addHelpText('after', examples('pyralog keys list pyralog-data/keys --json'))
    .action(
      action(async (context, command) => {
        const { keysList } = await import('./commands/keys.ts');
        return keysList(context, command.args);
      }),
    );
  withPassphrase(keys.command('export'))
    .description('public half as a verification key; with --secret the key file, re-encrypted')
    .argument('<file>', 'key file')
    .option('--secret <out>', 'write the whole key there')
    .option('--new-passphrase-file <file>', 'passphrase of the copy')
    .addHelpText('after', examples('pyralog keys export pyralog-data/keys/cosigning.json'))
    .action(
      action(async (context, command) => {
        const { keysExport } = await import('./commands/keys.ts');
        return keysExport(context, command.args[0] ?? '', command.opts<KeyFlags>());
      }),
    );
  withPassphrase(keys.command('import'))
    .description('check a key file and take it over, with mode 0600')
    .argument('<source>', 'key file, or - for standard input')
    .argument('<file>', 'key file to write')
    .addHelpText(
      'after',
      examples('pyralog keys import backup.json pyralog-data/keys/cosigning.json'),
    )
    .action(
      action(async (context, command) => {
        const { keysImport } = await import('./commands/keys.ts');
        return keysImport(context, command.args, command.opts<KeyFlags>());
      }),
    );
}
