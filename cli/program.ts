import { Command } from 'commander';
import type { Action } from './action.ts';
import { createContext, toJson } from './context.ts';
import { examples } from './examples.ts';
import { addChainCommands } from './program-chain.ts';
import { addClusterCommands } from './program-cluster.ts';
import { addDbGroup } from './program-db.ts';
import { addFileCommands } from './program-files.ts';
import { addGenesisCommands } from './program-genesis.ts';
import { addLogCommands } from './program-log.ts';
import { addNodeCommands } from './program-node.ts';
import { addRecordCommands } from './program-record.ts';
import { addSchemaCommands } from './program-schema.ts';
import { commitText, versionLine, versionText } from './version.ts';

/** Every command with its help. Actions import their file when they run. */
export function buildProgram(signal: AbortSignal, onCode: (code: number) => void): Command {
  const program = new Command('pyralog');
  program
    .description(
      'Notarize files: receipts that prove offline that a record existed, where, and when.',
    )
    .version(versionWhenAsked(), '-V, --version', 'version and commit')
    .configureHelp({ showGlobalOptions: false })
    .helpCommand('help [command]', 'help of a command')
    // run.ts says it, in one form for people and one for programs.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText(
      'after',
      [
        examples('pyralog devnet', 'pyralog stamp report.pdf', 'pyralog verify report.pdf'),
        '',
        'In a clone: `npx pyralog …`, or once `npm link`.',
      ].join('\n'),
    );
  const action: Action =
    (run) =>
    async (...args) => {
      const command = args.at(-1) as Command;
      const json = command.optsWithGlobals()['json'] === true;
      onCode(await run(createContext(json, signal), command));
    };
  addFileCommands(program, action);
  addLogCommands(program, action);
  addChainCommands(program, action);
  addGenesisCommands(program, action);
  addNodeCommands(program, action);
  addClusterCommands(program, action);
  addSchemaCommands(program, action);
  addDbGroup(program, action);
  addRecordCommands(program, action);
  for (const command of allCommands(program)) {
    command.exitOverride();
    if (command !== program && command.commands.length === 0) {
      command.option('--json', 'one JSON document on standard output');
    }
  }
  return program;
}

/** Asking git for the commit takes time: only when somebody wants to know. */
function versionWhenAsked(): string {
  const asked = process.argv.some((arg) => arg === '-V' || arg === '--version');
  if (!asked) return '';
  if (!process.argv.includes('--json')) return versionLine();
  return toJson({ version: versionText(), commit: commitText() ?? null });
}

export function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
