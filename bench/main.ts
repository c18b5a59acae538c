/**
 * `npm run bench -- NAME [--json] [--quick] [--soak MINUTES] [--dir DIR]`.
 *
 * Exit codes: 0 measured (bars missed or not), 1 failed, 2 usage, 130 interrupted.
 */
import { parseArgs } from 'node:util';
import { BenchError, benchNamed, runBench, tableHead, tableRow } from './index.ts';

const SOAK_MINUTES_MAX = 7 * 24 * 60;

/** Runs the bench that `args` name and answers the exit code. Prints metrics to standard output, progress to standard error. */
export async function main(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error('interrupted'));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, interrupt);
  try {
    await run(args, stop.signal);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 130;
    process.stderr.write(`pyralog: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof BenchError && error.code === 'bench/usage' ? 2 : 1;
  } finally {
    for (const signal of signals) process.removeListener(signal, interrupt);
  }
}

async function run(args: readonly string[], signal: AbortSignal): Promise<void> {
  const { name, json, quick, soakMinutes, dir } = parse(args);
  if (!json) console.log(tableHead());
  await runBench(name, {
    quick,
    ...(soakMinutes === undefined ? {} : { soakMinutes }),
    ...(dir === undefined ? {} : { parent: dir }),
    signal,
    metric: (metric) => console.log(json ? JSON.stringify(metric) : tableRow(metric)),
    progress: (message) => process.stderr.write(`pyralog: ${message}\n`),
  });
}

function parse(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        dir: { type: 'string' },
        soak: { type: 'string' },
      },
    });
    const soakMinutes = values.soak === undefined ? undefined : minutes(values.soak);
    return { name: benchNamed(positionals[0]), soakMinutes, ...values };
  } catch (error) {
    if (error instanceof BenchError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new BenchError('bench/usage', message, { cause: error });
  }
}

function minutes(text: string): number {
  const number = Number(text);
  if (number >= 1 / 60 && number <= SOAK_MINUTES_MAX) return number;
  const range = `from a second (0.017) to ${SOAK_MINUTES_MAX}`;
  throw new BenchError('bench/usage', `--soak ${text}: name a number of minutes ${range}`);
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
