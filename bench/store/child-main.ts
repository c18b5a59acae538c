/** Writes with one store and tells what it took: `node child-main.ts ORDER`, the order as JSON ({@link WriteOrder}). */
import { setTimeout as sleep } from 'node:timers/promises';
import { openSubject } from './subjects.ts';
import {
  type BenchRecord,
  KEY_BYTES,
  VALUE_BYTES,
  type WriteOrder,
  type Written,
} from './types.ts';

/** A store that uses less than this share of a processor has done what it put off. */
const IDLE_SHARE = 0.02;
const LOOK_MS = 200;
const LOOKS_MAX = 50;

/** Batches prepared together, and then written one after another. The system brings a thread's processor time up to date every
 * few milliseconds and when it sleeps: what is shorter and ends before it sleeps is not seen at all. */
const GROUP = 64;

const TEXT = new TextEncoder();
const order = JSON.parse(process.argv[2] ?? '') as WriteOrder;
const subject = await openSubject(order);
let serial = 0;
try {
  for (let i = 0; i < order.warmBatches; i++) await subject.prepare(batch(order.records))();
  await settle();
  let seconds = 0;
  let preparing = 0;
  const used = process.cpuUsage();
  for (let left = order.batches; left > 0; left -= GROUP) {
    await sleep(1);
    const before = ownMicros();
    const writes = Array.from({ length: Math.min(GROUP, left) }, () =>
      subject.prepare(batch(order.records)),
    );
    preparing += ownMicros() - before;
    const start = performance.now();
    for (const write of writes) await write();
    seconds += (performance.now() - start) / 1000;
  }
  await settle();
  const { user, system } = process.cpuUsage(used);
  const cpuMicros = user + system - preparing;
  console.log(JSON.stringify({ seconds, cpuMicros } satisfies Written));
} finally {
  await subject.close();
}

/** Processor time of this thread. */
function ownMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Returns once no thread has anything left to do: seals and compactions are paid by the batches that made them necessary. */
async function settle(): Promise<void> {
  for (let i = 0; i < LOOKS_MAX; i++) {
    const before = process.cpuUsage();
    await sleep(LOOK_MS);
    const { user, system } = process.cpuUsage(before);
    if (user + system < IDLE_SHARE * LOOK_MS * 1000) return;
  }
}

/** Keys go up, as a log's do; values look like text. One buffer holds them all: the collector's work is nobody's here. */
function batch(count: number): BenchRecord[] {
  const stride = KEY_BYTES + VALUE_BYTES;
  const bytes = new Uint8Array(count * stride).fill(0x20);
  const keys = new DataView(bytes.buffer);
  return Array.from({ length: count }, (_, place) => {
    const at = place * stride;
    keys.setBigUint64(at, BigInt(serial));
    const value = bytes.subarray(at + KEY_BYTES, at + stride);
    TEXT.encodeInto(`record ${serial} of the bench, at ${serial * 7919}`, value);
    serial++;
    return { key: bytes.subarray(at, at + KEY_BYTES), value };
  });
}
