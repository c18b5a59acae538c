/** `state`: the state tree and signatures in the native core (crate `bench`), then what a block waits for through the facade. */
import {
  openStateTree,
  packSignatures,
  packStateChanges,
  publicKeyEd25519,
  signEd25519,
  verifySignatures,
} from '../native/index.ts';
import { verifyStateProof } from '../receipt/index.ts';
import { BenchError } from './errors.ts';
import { buildNativeBench, runNativeBench } from './native-bench.ts';
import { median } from './sample.ts';
import type { BenchContext } from './types.ts';

/** Keys that a block changes, and signatures it brings. */
const BLOCK = 1000;

export async function benchState(context: BenchContext): Promise<void> {
  const { quick, dir, signal, progress, figure } = context;
  await buildNativeBench(context);
  progress('measuring the state tree and signatures');
  await runNativeBench(['--dir', dir, '--state', ...(quick ? ['--quick'] : [])], signal, figure);
  progress('measuring through TypeScript');
  await benchTree(context);
  await benchSignatures(context);
}

async function benchTree({ quick, figure }: BenchContext): Promise<void> {
  const keys = quick ? 20_000 : 1_000_000;
  const tree = openStateTree();
  try {
    const all = packStateChanges(range(keys).map((i) => [numbered(33, i), numbered(24, i)]));
    const start = performance.now();
    let newest = (await tree.build(all)).version;
    const seconds = (performance.now() - start) / 1000;
    figure({
      metric: 'state rebuild, TypeScript',
      value: seconds,
      unit: 's',
      cpuPerOp: null,
      floor: null,
    });
    const millis: number[] = [];
    for (let block = 0; block < (quick ? 10 : 100); block++) {
      const changed = range(BLOCK).map((i) => ((block * BLOCK + i) * 7919) % keys);
      const packed = packStateChanges(changed.map((i) => [numbered(33, i), numbered(24, block)]));
      const began = performance.now();
      const { version } = tree.apply(newest, packed);
      millis.push(performance.now() - began);
      tree.release(newest);
      newest = version;
    }
    const value = median(millis);
    figure({
      metric: 'state, 1,000 keys changed, TypeScript',
      value,
      unit: 'ms',
      cpuPerOp: null,
      floor: null,
    });
    const absent = range(quick ? 100 : 1000).map((i) => numbered(33, keys + i));
    const proofs = absent.map((key) => tree.prove(newest, key));
    const root = tree.root(newest);
    const began = performance.now();
    for (const [i, key] of absent.entries()) {
      const verdict = verifyStateProof(root, key, undefined, proofs[i] ?? new Uint8Array());
      if (!verdict.ok) throw new BenchError('bench/wrong-answer', 'a sound proof was refused');
    }
    const micros = ((performance.now() - began) * 1000) / absent.length;
    figure({
      metric: 'state proof checked, TypeScript',
      value: micros,
      unit: 'us',
      cpuPerOp: null,
      floor: null,
    });
  } finally {
    tree.close();
  }
}

/** Off the event loop, so what counts is the time until the verdicts are there. */
async function benchSignatures({ quick, figure }: BenchContext): Promise<void> {
  const seed = new Uint8Array(32).fill(7);
  const publicKey = publicKeyEd25519(seed);
  const packed = packSignatures(
    range(BLOCK).map((i) => {
      const message = numbered(200, i);
      return { publicKey, signature: signEd25519(seed, message), message };
    }),
  );
  const micros: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < (quick ? 2 : 15); round++) {
    const used = process.cpuUsage();
    const start = performance.now();
    const verdicts = await verifySignatures(packed);
    micros.push(((performance.now() - start) * 1000) / BLOCK);
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / BLOCK);
    if (verdicts.some((verdict) => verdict !== 1))
      throw new BenchError('bench/wrong-answer', 'a sound signature was refused');
  }
  const cpuPerOp = median(cpu);
  figure({
    metric: 'signature checked, TypeScript',
    value: median(micros),
    unit: 'us',
    cpuPerOp,
    floor: null,
  });
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

function numbered(length: number, number: number): Uint8Array {
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}
