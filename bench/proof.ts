/** Verifying a proof of 30 hashes, the path in a log of a thousand million records, in pure TypeScript. */
import { rootFromInclusion, treeHash, verifyInclusion } from '../receipt/index.ts';
import { BenchError } from './errors.ts';
import { median } from './sample.ts';
import type { BenchContext } from './types.ts';

const HASHES = 30;
const SIZE = 2 ** HASHES;

export function benchProof({ quick, figure }: BenchContext): void {
  const tree = treeHash('blake3');
  const hash = (seed: number) => tree.leaf(new Uint8Array(128).fill(seed));
  const path = Array.from({ length: HASHES }, (_, i) => hash(i + 1));
  const proof = { index: 0x2a5a5a5a, size: SIZE, leaf: hash(0), path };
  const root = rootFromInclusion(tree, proof);
  if (root === undefined) throw new BenchError('bench/wrong-answer', 'a 30-hash path was refused');
  const verify = () => {
    if (!verifyInclusion(tree, { ...proof, root }))
      throw new BenchError('bench/wrong-answer', 'a sound proof was refused');
  };
  const rounds = quick ? 3 : 15;
  const perRound = quick ? 50 : 200;
  for (let i = 0; i < perRound; i++) verify(); // the compiler's warm-up
  const micros: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const used = process.cpuUsage();
    const start = performance.now();
    for (let i = 0; i < perRound; i++) verify();
    micros.push(((performance.now() - start) * 1000) / perRound);
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / perRound);
  }
  figure({
    metric: '30-hash proof, TypeScript',
    value: median(micros),
    unit: 'us',
    cpuPerOp: median(cpu),
    floor: null,
  });
}
