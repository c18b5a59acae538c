/** A worker thread that proposes to a core of another thread until it is told or terminated to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { attachCore } from '../../../native/index.ts';
import { outcomes, proposal } from './support.ts';

const { handle, name, rounds } = workerData as { handle: number; name: string; rounds: number };
const core = attachCore(handle);
const ids: bigint[] = [];
for (let round = 0; round < rounds; round++) {
  const labels = Array.from({ length: 8 }, (_, i) => `${name}-${round}-${i}`);
  const calls = labels.map((label) =>
    core.propose(0, proposal(label), { wait: 'checkpoint', paths: true }),
  );
  for (const answer of await Promise.all(calls)) {
    ids.push(...outcomes(answer.outcomes).map(({ id }) => id));
  }
  if (round === 0) parentPort?.postMessage('started');
}
parentPort?.postMessage(ids);
