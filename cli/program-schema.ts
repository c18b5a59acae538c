import type { Command } from 'commander';
import type { Action } from './action.ts';
import { examples } from './examples.ts';
import type { AdminFlags } from './find-admin.ts';

/** `schema register|rule|list|show|check`. */
export function addSchemaCommands(program: Command, action: Action): void {
  const schema = program
    .command('schema')
    .description('Arrow schemas that the values of records have');
  schema.addHelpText(
    'after',
    examples('pyralog schema register orders orders.arrow', 'pyralog schema list'),
  );
  withAdminOptions(schema.command('register'))
    .description('the newest schema of a subject')
    .argument('<subject>', 'what changes together, such as a topic')
    .argument('<file>', 'Arrow IPC stream or file; its batches do not matter')
    .addHelpText('after', examples('pyralog schema register orders orders.arrow'))
    .action(
      action(async (context, command) => {
        const { schemaRegister } = await import('./commands/schema.ts');
        return schemaRegister(context, command.args, command.opts<AdminFlags>());
      }),
    );
  withAdminOptions(schema.command('rule'))
    .description('what a subject asks of schemas that come later')
    .argument('<subject>', 'its name')
    .argument('<rule>', 'none, backward, forward or full')
    .addHelpText('after', examples('pyralog schema rule orders full'))
    .action(
      action(async (context, command) => {
        const { schemaRule } = await import('./commands/schema.ts');
        return schemaRule(context, command.args, command.opts<AdminFlags>());
      }),
    );
  withAdminOptions(schema.command('list'))
    .description('subjects with their rules and schemas')
    .addHelpText('after', examples('pyralog schema list', 'pyralog schema list --json'))
    .action(
      action(async (context, command) => {
        const { schemaList } = await import('./commands/schema.ts');
        return schemaList(context, command.opts<AdminFlags>());
      }),
    );
  withAdminOptions(schema.command('show'))
    .description('fields of a schema')
    .argument('<schema>', 'its id, or a subject: the newest one')
    .addHelpText('after', examples('pyralog schema show orders', 'pyralog schema show 256'))
    .action(
      action(async (context, command) => {
        const { schemaShow } = await import('./commands/schema.ts');
        return schemaShow(context, command.args, command.opts<AdminFlags>());
      }),
    );
  withAdminOptions(schema.command('check'))
    .description('whether a file of batches fits; names the field that does not')
    .argument('<schema>', 'its id, or a subject: the newest one')
    .argument('<file>', 'Arrow IPC stream or file')
    .addHelpText('after', examples('pyralog schema check orders today.arrow'))
    .action(
      action(async (context, command) => {
        const { schemaCheck } = await import('./commands/schema.ts');
        return schemaCheck(context, command.args, command.opts<AdminFlags>());
      }),
    );
}

/** Where the admin port is, and its token. */
export function withAdminOptions(command: Command): Command {
  return command
    .option('--admin <url>', 'admin port of the node (default: that of the configuration)')
    .option('--token-file <file>', 'its token (default: admin.token of the data directory)')
    .option('-c, --config <file>', 'configuration to find both in');
}
