/** A thread whose production code is changed as a mutant says; simulates seeds until a rule is broken. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { Mutant } from './list.ts';

const { mutant, seed, runs }: { mutant: Mutant; seed: number; runs: number } = workerData;
const root = new URL('../../../', import.meta.url).href;
/** Marks a second copy of a module, as it was: what replays the blocks is not to be fooled. */
const CLEAN = '?as-it-was';
const applied = new Set<string>();

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const from = context.parentURL ?? '';
    const isReplay = from.endsWith('/devnet/sim/replay.ts') && !specifier.startsWith('./');
    const isChain =
      found.url.startsWith(`${root}chain/`) || found.url.startsWith(`${root}consensus/`);
    const wantsClean = (isReplay || from.endsWith(CLEAN)) && isChain && mutant.everywhere !== true;
    return wantsClean ? { ...found, url: `${found.url}${CLEAN}` } : found;
  },
  load(url, context, next) {
    const patches = mutant.patches.filter(({ file }) => url === `${root}${file}`);
    if (patches.length === 0) return next(url, context);
    let source = readFileSync(fileURLToPath(url), 'utf8');
    for (const { file, find, replace } of patches) {
      if (source.split(find).length !== 2) throw new Error(`${file} has not exactly one: ${find}`);
      source = source.replace(find, () => replace);
      applied.add(find);
    }
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});

const { simulate } = await import('../../../devnet/sim/index.ts');
const found = new Set<string>();
let tried = 0;
const lies = mutant.lies === undefined ? {} : { lies: mutant.lies };
const seeds = Array.from({ length: runs }, (_, index) => seed + index);
if (mutant.firstSeed !== undefined) seeds.unshift(mutant.firstSeed);
for (const next of seeds) {
  if (found.has(mutant.rule)) break;
  tried++;
  for (const { rule } of (await simulate({ seed: next, ...lies })).violations) found.add(rule);
}
const isApplied = mutant.patches.every(({ find }) => applied.has(find));
parentPort?.postMessage({ tried, rules: [...found], isApplied });
