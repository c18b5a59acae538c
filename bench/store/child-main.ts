/** Writes with one store and tells what it took: `node child-main.ts ORDER`, the order as JSON ({@link WriteOrder}). */
import { openSubject } from './subjects.ts';
import { type BenchRecord, KEY_BYTES, VALUE_BYTES, type WriteOrder } from './types.ts';

/** Compiles what runs, and makes a store's first files. */
const WARM_BATCHES = 8;

const order = JSON.parse(process.argv[2] ?? '') as WriteOrder;
const subject = await openSubject(order);
let serial = 0;
try {
  for (let i = 0; i < WARM_BATCHES; i++) await subject.prepare(batch(order.records))();
  let seconds = 0;
  let cpuMicros = 0;
  for (let i = 0; i < order.batches; i++) {
    const write = subject.prepare(batch(order.records));
    const used = process.cpuUsage();
    const start = performance.now();
    await write();
    seconds += (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(used);
    cpuMicros += user + system;
  }
  console.log(JSON.stringify({ seconds, cpuMicros }));
} finally {
  await subject.close();
}

/** Keys go up, as a log's do; values look like text. */
function batch(count: number): BenchRecord[] {
  return Array.from({ length: count }, () => {
    const key = new Uint8Array(KEY_BYTES);
    new DataView(key.buffer).setBigUint64(0, BigInt(serial));
    const value = new Uint8Array(VALUE_BYTES).fill(0x20);
    new TextEncoder().encodeInto(`record ${serial} of the bench, at ${serial * 7919}`, value);
    serial++;
    return { key, value };
  });
}
