import { type Command, Option } from 'commander';
import type { Action } from './action.ts';
import type { ExportFlags, RepairFlags } from './commands/db.ts';
import type { DataDirFlags } from './data-dir.ts';
import { examples } from './examples.ts';

const STOPPED = '\nThe node must be stopped: its lock is taken.';

/** `db check|repair|stats|rebuild-index|export`. */
export function addDbGroup(program: Command, action: Action): void {
  const db = program.command('db').description('look after the store of a stopped node');
  db.addHelpText('after', examples('pyralog db check', 'pyralog db repair --dry-run'));
  withDir(db.command('check'))
    .description('read every file and say what is wrong; changes nothing')
    .addHelpText('after', examples('pyralog db check', 'pyralog db check --dir node-0 --json'))
    .action(
      action(async (context, command) => {
        const { dbCheck } = await import('./commands/db.ts');
        return dbCheck(context, command.opts<DataDirFlags>());
      }),
    );
  withDir(db.command('repair'))
    .description('mend what can be mended without losing anything; quarantine what cannot be read')
    .option('--dry-run', 'only say what would be done')
    .addHelpText('after', examples('pyralog db repair --dry-run', 'pyralog db repair --dir node-0'))
    .action(
      action(async (context, command) => {
        const { dbRepair } = await import('./commands/db.ts');
        return dbRepair(context, command.opts<RepairFlags>());
      }),
    );
  withDir(db.command('stats'))
    .description('records, bytes by kind, seal points, quarantines')
    .addHelpText('after', examples('pyralog db stats', 'pyralog db stats --json'))
    .action(
      action(async (context, command) => {
        const { dbStats } = await import('./commands/db.ts');
        return dbStats(context, command.opts<DataDirFlags>());
      }),
    );
  withDir(db.command('rebuild-index'))
    .description('make sidecars and node files again, checked against the signed roots')
    .addHelpText('after', examples('pyralog db rebuild-index --dir node-0'))
    .action(
      action(async (context, command) => {
        const { dbRebuildIndex } = await import('./commands/db.ts');
        return dbRebuildIndex(context, command.opts<DataDirFlags>());
      }),
    );
  addExport(db, action);
}

function addExport(db: Command, action: Action): void {
  withDir(db.command('export'))
    .description(
      'write records to files in a new directory; what cannot be read is left out and listed',
    )
    .argument('<out>', 'directory to make')
    .option('--partition <number>', 'partition', '0')
    .option('--from <offset>', 'first record (default: 0)')
    .option('--to <offset>', 'first record behind the range (default: all there are)')
    .addOption(
      new Option('--format <name>', 'what is written')
        .choices(['parquet', 'arrow', 'ndjson'])
        .default('parquet'),
    )
    .addHelpText(
      'after',
      examples(
        'pyralog db export records',
        'pyralog db export week --from 1000000 --to 2000000 --format arrow',
      ),
    )
    .action(
      action(async (context, command) => {
        const { dbExport } = await import('./commands/db.ts');
        return dbExport(context, command.args[0] ?? '', command.opts<ExportFlags>());
      }),
    );
}

function withDir(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file')
    .option('--dir <path>', 'data directory')
    .addHelpText('after', STOPPED);
}
