import { type Command, CommanderError } from 'commander';
import { PyralogError } from '../base/errors.ts';
import { toJson } from './context.ts';
import { cliError } from './errors.ts';
import { EXIT, exitOf } from './exit-codes.ts';
import { reasonOf } from './hash-file.ts';
import { buildProgram } from './program.ts';
import { visible } from './visible.ts';

/** Runs one command line and answers its exit code; prints what went wrong. */
export async function run(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new PyralogError('cli/interrupted', 'interrupted'));
  process.once('SIGINT', interrupt);
  const state = { code: EXIT.ok.code as number };
  const program = buildProgram(stop.signal, (code) => {
    state.code = code;
  });
  try {
    refuseHelpOfNone(program, args);
    await program.parseAsync([...args], { from: 'user' });
    return state.code;
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? 0 : reportUsage(error, program, args);
    return report(stop.signal.aborted ? stop.signal.reason : error, args.includes('--json'));
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** The command that the arguments name, as far as they name one, and what comes after. */
function commandOf(program: Command, args: readonly string[]) {
  let command = program;
  const path = ['pyralog'];
  for (const name of args) {
    const next = command.commands.find((one) => one.name() === name);
    if (next === undefined) break;
    command = next;
    path.push(name);
  }
  return { command, path, rest: args.slice(path.length - 1) };
}

/** Help of a command that does not exist would be everybody's help, without a word of what is wrong. */
function refuseHelpOfNone(program: Command, args: readonly string[]): void {
  const asksFirst = args[0] === 'help';
  if (!asksFirst && !args.includes('--help') && !args.includes('-h')) return;
  const { command, rest } = commandOf(program, asksFirst ? args.slice(1) : args);
  const [name] = rest;
  if (name === undefined || name.startsWith('-') || name === 'help') return;
  if (command.commands.length === 0) return; // an argument of the command
  throw new CommanderError(1, 'commander.unknownCommand', `there is no command '${name}'`);
}

/** Arguments that make no sense are said as everything else is, with where to look (E1, E3). */
function reportUsage(error: CommanderError, program: Command, args: readonly string[]): number {
  const json = args.includes('--json');
  // A group without its command has printed its help: nothing to add for people.
  const groupAlone = error.code === 'commander.help';
  const what = groupAlone
    ? 'a command is missing'
    : error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const dashed = error.code === 'commander.unknownOption' ? ', put -- before such a name' : '';
  const message = `${what}; see \`${[...commandOf(program, args).path, '--help'].join(' ')}\`${dashed}`;
  if (!groupAlone) process.stderr.write(`pyralog: ${visible(message)}\n`);
  if (json)
    process.stdout.write(`${toJson({ ok: false, error: { code: 'cli/usage', message } })}\n`);
  return EXIT.usage.code;
}

/** Says what went wrong: a sentence for people, code and message for programs (E3). */
function report(failure: unknown, json: boolean): number {
  const error = refusedByDisk(failure) ?? failure;
  if (error instanceof PyralogError) {
    const { code, message } = error;
    const lines = message.split('\n').map(visible).join('\n  ');
    process.stderr.write(`pyralog: ${lines}\n`);
    if (json) process.stdout.write(`${toJson({ ok: false, error: { code, message } })}\n`);
    return exitOf(code);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`pyralog: internal error, please report it\n${stack}\n`);
  if (json) process.stdout.write(`${toJson({ ok: false, error: { code: 'internal' } })}\n`);
  return EXIT.internal.code;
}

/** What the file system refuses is the user's to mend, wherever in a command it comes up, and no bug. */
function refusedByDisk(error: unknown): PyralogError | undefined {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error && 'path' in error)) return;
  if (!DISK_REFUSALS.has(String(error.code))) return;
  return cliError('cli/file', `${String(error.path)}: ${reasonOf(error)}`, error);
}

const DISK_REFUSALS: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
]);
