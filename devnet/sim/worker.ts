/** A thread that runs one seed after the other for {@link runBatch}. */
import { parentPort } from 'node:worker_threads';
import { type SimOptions, simulate } from './simulate.ts';

parentPort?.on('message', async (options: SimOptions) => {
  parentPort?.postMessage(await simulate(options));
});
