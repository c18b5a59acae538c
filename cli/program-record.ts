import type { Command } from 'commander';
import type { Action } from './action.ts';
import type { RecordFlags } from './commands/record.ts';
import { examples } from './examples.ts';
import { withAdminOptions } from './program-schema.ts';

/** `record get`. */
export function addRecordCommands(program: Command, action: Action): void {
  const record = program.command('record').description('records with payloads of any size');
  record.addHelpText('after', examples('pyralog record get 7', 'pyralog record get --key order-7'));
  withAdminOptions(record.command('get'))
    .description('a record with its payload, by offset, key or time')
    .argument('[offset]', 'where it stands')
    .option('-k, --key <text>', 'the latest record with this key')
    .option('--key-hex <hex>', 'the same for a key that is no text')
    .option('--at <time>', 'with a key: the latest then; alone: the first at or after')
    .option('--origin <log>', 'log (default: the first)')
    .option('-o, --out <file>', 'write the payload there')
    .addHelpText(
      'after',
      examples(
        'pyralog record get 7',
        'pyralog record get --key order-7 --at 2026-11-21T12:00:00Z',
        'pyralog record get --at 2026-11-21T12:00:00Z -o first.bin',
      ),
    )
    .action(
      action(async (context, command) => {
        const { recordGet } = await import('./commands/record.ts');
        return recordGet(context, command.args, command.opts<RecordFlags>());
      }),
    );
}
