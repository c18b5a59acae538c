import { type Command, Option } from 'commander';
import type { Action } from './action.ts';
import type { ProofFlags, SearchFlags } from './commands/log.ts';
import type { TrustFlags } from './commands/trust.ts';
import { examples } from './examples.ts';
import type { NodeFlags } from './find-node.ts';
import { withNodeOptions } from './program-files.ts';

/** `info`, `get`, `search`, `log info|proof`, `trust add|list`. */
export function addLogCommands(program: Command, action: Action): void {
  withNodeOptions(program.command('info'))
    .description('what a node says about itself: network, logs, keys')
    .addHelpText('after', examples('pyralog info', 'pyralog info --node http://127.0.0.1:7070'))
    .action(
      action(async (context, command) => {
        const { info } = await import('./commands/log.ts');
        return info(context, command.opts<NodeFlags>());
      }),
    );
  withNodeOptions(program.command('get'))
    .description('the record with this id')
    .argument('<id>', 'Scarab id')
    .option('-o, --out <file>', 'also write its receipt there')
    .addHelpText(
      'after',
      examples('pyralog get 240518168576', 'pyralog get 240518168576 -o x.pyr.json'),
    )
    .action(
      action(async (context, command) => {
        const { get } = await import('./commands/log.ts');
        return get(context, command.args[0] ?? '', command.opts<NodeFlags & { out?: string }>());
      }),
    );
  withNodeOptions(program.command('search'))
    .description('records of a file or a digest, or from a time on')
    .argument('[file]', 'file to hash and look for')
    .option('-d, --digest <hex>', 'digest instead of a file')
    .option('--at <time>', 'records from a time on: ISO 8601 with its zone, or ms since 1970')
    .option('--origin <log>', 'with --at: which log (default: the only one)')
    .addOption(
      new Option('-a, --algorithm <name>', 'hash')
        .choices(['sha256', 'sha512', 'blake3'])
        .default('sha256'),
    )
    .option('-l, --limit <count>', 'most records shown', '100')
    .addHelpText(
      'after',
      examples(
        'pyralog search report.pdf',
        'pyralog search --digest 9f86d0…',
        'pyralog search --at 2026-11-21T12:00:00Z --limit 10',
      ),
    )
    .action(
      action(async (context, command) => {
        const { search } = await import('./commands/log.ts');
        return search(context, command.args[0], command.opts<SearchFlags>());
      }),
    );
  addLogGroup(program, action);
  addTrustGroup(program, action);
}

function addLogGroup(program: Command, action: Action): void {
  const log = program.command('log').description('sizes, checkpoints and proofs of the logs');
  log.addHelpText('after', examples('pyralog log info', 'pyralog log proof --index 7'));
  withNodeOptions(log.command('info'))
    .description('size and newest checkpoint of every log')
    .argument('[origin]', 'one log')
    .addHelpText('after', examples('pyralog log info', 'pyralog log info --json'))
    .action(
      action(async (context, command) => {
        const { logInfo } = await import('./commands/log.ts');
        return logInfo(context, command.args[0], command.opts<NodeFlags>());
      }),
    );
  withNodeOptions(log.command('proof'))
    .description('inclusion proof of --index, or consistency proof --from … --to')
    .argument('[origin]', 'log (default: the only one)')
    .option('-i, --index <offset>', 'offset of a record')
    .option('-s, --size <size>', 'records under the root (default: newest checkpoint)')
    .option('--from <size>', 'older size')
    .option('--to <size>', 'newer size (default: newest checkpoint)')
    .addOption(new Option('--tree <name>', 'tree').choices(['blake3', 'sha256']).default('blake3'))
    .addHelpText(
      'after',
      examples('pyralog log proof --index 7', 'pyralog log proof --from 100 --to 200'),
    )
    .action(
      action(async (context, command) => {
        const { logProof } = await import('./commands/log.ts');
        return logProof(context, command.args[0], command.opts<ProofFlags>());
      }),
    );
}

function addTrustGroup(program: Command, action: Action): void {
  const trust = program.command('trust').description('keys that verify believes');
  trust.addHelpText(
    'after',
    examples('pyralog trust add https://log.example', 'pyralog trust list'),
  );
  trust
    .command('add')
    .description('pin the keys of a node, a policy file, or the chain of a genesis')
    .argument('<source>', 'URL of a node, or JSON file: a policy, a trust store, or genesis.json')
    .option('--trust <file>', 'trust store to add to')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      examples(
        'pyralog trust add http://127.0.0.1:7070',
        'pyralog trust add genesis.json',
        'pyralog trust add policy.json --yes',
      ),
    )
    .action(
      action(async (context, command) => {
        const { trustAdd } = await import('./commands/trust.ts');
        return trustAdd(context, command.args[0] ?? '', command.opts<TrustFlags>());
      }),
    );
  trust
    .command('list')
    .description('which trust store is used and what it pins')
    .option('--trust <file>', 'trust store')
    .addHelpText('after', examples('pyralog trust list', 'pyralog trust list --json'))
    .action(
      action(async (context, command) => {
        const { trustList } = await import('./commands/trust.ts');
        return trustList(context, command.opts<TrustFlags>());
      }),
    );
}
