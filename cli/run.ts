import { CommanderError } from 'commander';
import { PyralogError } from '../base/errors.ts';
import { toJson } from './context.ts';
import { EXIT, exitOf } from './exit-codes.ts';
import { buildProgram } from './program.ts';

/** Runs one command line and answers its exit code; prints what went wrong. */
export async function run(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new PyralogError('cli/interrupted', 'interrupted'));
  process.once('SIGINT', interrupt);
  const state = { code: EXIT.ok.code as number };
  try {
    await buildProgram(stop.signal, (code) => {
      state.code = code;
    }).parseAsync([...args], { from: 'user' });
    return state.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage.code;
    return report(stop.signal.aborted ? stop.signal.reason : error, args.includes('--json'));
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** Says what went wrong: a sentence for people, code and message for programs (E3). */
function report(error: unknown, json: boolean): number {
  if (error instanceof PyralogError) {
    const { code, message, data } = error;
    process.stderr.write(`pyralog: ${message}\n`);
    if (json) process.stdout.write(`${toJson({ ok: false, error: { code, message, data } })}\n`);
    return exitOf(code);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`pyralog: internal error, please report it\n${stack}\n`);
  if (json) process.stdout.write(`${toJson({ ok: false, error: { code: 'internal' } })}\n`);
  return EXIT.internal.code;
}
