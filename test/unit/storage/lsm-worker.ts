/** A worker that reads and writes the store that its parent opened. */
import { parentPort, workerData } from 'node:worker_threads';
import { attachLsmKeyValue } from '../../../storage/index.ts';

const kv = attachLsmKeyValue(workerData as number);
const key = Buffer.from('from the worker');
await kv.batch([{ kind: 'put', key, value: Buffer.from('1') }]);
const value = await kv.get(key);
await kv.close();
parentPort?.postMessage(value?.[0] === 0x31 ? 'written and read' : 'lost');
