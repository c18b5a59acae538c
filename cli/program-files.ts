import { type Command, Option } from 'commander';
import type { Action } from './action.ts';
import type { StampFlags } from './commands/stamp.ts';
import type { UpgradeFlags } from './commands/upgrade.ts';
import type { VerifyFlags } from './commands/verify.ts';
import { examples } from './examples.ts';

/** `stamp`, `verify`, `upgrade`. */
export function addFileCommands(program: Command, action: Action): void {
  addStamp(program, action);
  addVerify(program, action);
  addUpgrade(program, action);
}

function addStamp(program: Command, action: Action): void {
  withNodeOptions(program.command('stamp'))
    .description('hash files, have the digests notarized, write a receipt beside each file')
    .argument('<paths...>', 'files, directories (recursive), or - for standard input')
    .addOption(
      new Option('-a, --algorithm <name>', 'hash (blake3 is slow here: no native code)')
        .choices(['sha256', 'sha512', 'blake3'])
        .default('sha256'),
    )
    .addOption(
      new Option('--wait <level>', 'level to wait for')
        .choices(['final', 'checkpoint', 'durable'])
        .default('checkpoint'),
    )
    .option('--timeout <seconds>', 'longest wait for the node, for each 1,000 files', '30')
    .option('-o, --out <file>', 'where the receipt goes (one file, or standard input)')
    .option('-f, --force', 'replace receipts that exist')
    .addHelpText(
      'after',
      examples(
        'pyralog stamp report.pdf',
        'pyralog stamp report.pdf --wait final',
        'pyralog stamp docs src README.md',
        'tar c project | pyralog stamp - --out project.tar.pyr.json',
      ),
    )
    .action(
      action(async (context, command) => {
        const { stamp } = await import('./commands/stamp.ts');
        return stamp(context, command.args, command.opts<StampFlags>());
      }),
    );
}

function addVerify(program: Command, action: Action): void {
  program
    .command('verify')
    .description('check files against their receipts, offline, on pinned keys')
    .argument('<paths...>', 'files, directories, or FILE RECEIPT')
    .option('-r, --receipt <file>', 'the receipt, when it is not FILE.pyr.json')
    .option('--trust <file>', 'trust store (default: see pyralog trust list)')
    .addOption(
      new Option('--level <level>', 'what each receipt must prove at least')
        .choices(['checkpoint', 'final'])
        .default('checkpoint'),
    )
    .addHelpText(
      'after',
      examples(
        'pyralog verify report.pdf',
        'pyralog verify report.pdf old/report.pyr.json',
        'pyralog verify docs --json',
        'pyralog verify report.pdf --level final',
        'tar c project | pyralog verify - project.tar.pyr.json',
      ),
    )
    .action(
      action(async (context, command) => {
        const { verify } = await import('./commands/verify.ts');
        return verify(context, command.args, command.opts<VerifyFlags>());
      }),
    );
}

function addUpgrade(program: Command, action: Action): void {
  withNodeOptions(program.command('upgrade'))
    .description('fetch the best receipts there are now')
    .argument('<paths...>', 'files, their receipts, or directories')
    .addOption(
      new Option('--wait <level>', 'wait until each receipt has this level').choices([
        'checkpoint',
        'final',
      ]),
    )
    .option('--timeout <seconds>', 'longest wait for the level, all receipts together', '30')
    .addHelpText(
      'after',
      examples('pyralog upgrade report.pdf', 'pyralog upgrade docs --wait final'),
    )
    .action(
      action(async (context, command) => {
        const { upgrade } = await import('./commands/upgrade.ts');
        return upgrade(context, command.args, command.opts<UpgradeFlags>());
      }),
    );
}

/** The options of every command that talks to a node (E2). */
export function withNodeOptions(command: Command): Command {
  return command
    .option('-n, --node <url>', 'node (default: PYRALOG_NODE, configuration, running devnet)')
    .option('-c, --config <file>', 'configuration file that names the node');
}
