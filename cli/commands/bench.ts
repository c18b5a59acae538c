import type { Context } from '../context.ts';

/** `pyralog bench`: hands over to bench/, arguments untouched. */
export async function bench(context: Context, args: readonly string[]): Promise<number> {
  const { main } = await import('../../bench/main.ts');
  return main(context.json && !args.includes('--json') ? [...args, '--json'] : args);
}
