/**
 * Ids a second as TypeScript gets them: reserved by batches, and with durable batches of digests, read out of the answers.
 */
import { join } from 'node:path';
import type { Core } from '../../native/index.ts';
import { encodeDigests, idsOf, openNativeIdSequencer } from '../../storage/index.ts';
import { openBenchCore } from '../bench-core.ts';
import { BenchError } from '../errors.ts';
import { median } from '../sample.ts';
import type { BenchContext } from '../types.ts';

/** Digests of a batch, batches unanswered. */
const DIGESTS = 16_384;
const IN_FLIGHT = 4;
const DIGEST_BYTES = 32;
/** SHA2-256 of something (batch.md B3). */
const CODE = 0x12;
/** Of an outcome (B4), and where the id stands in it. */
const OUTCOME_WORDS = 5;
const ID_WORD = 2;

/** Ids of a reservation, reservations unanswered, and how many are timed together. */
const RESERVED = 65_536;
const RESERVATIONS = 256;

/** Both figures, from one core: all ids are of one sequence. */
export async function benchIds(context: BenchContext): Promise<void> {
  const core = await openBenchCore(join(context.dir, 'ids'));
  try {
    await benchReserved(context, core);
    await benchRecords(context, core);
  } finally {
    await core.close();
  }
}

/** Each id is made a number of its own and checked, as whoever uses it would. */
async function benchReserved({ quick, signal, figure }: BenchContext, core: Core): Promise<void> {
  const sequencer = openNativeIdSequencer(core, 0);
  const rates: number[] = [];
  const cpu: number[] = [];
  let last = 0n;
  for (let round = 0; round <= (quick ? 3 : 15); round++) {
    signal.throwIfAborted();
    const used = process.cpuUsage();
    const start = performance.now();
    for (let done = 0; done < RESERVATIONS; done += IN_FLIGHT) {
      const asked = Array.from({ length: IN_FLIGHT }, () => sequencer.reserve(RESERVED));
      const runs = (await Promise.all(asked)).flat();
      runs.sort((a, b) => (a.first < b.first ? -1 : 1));
      for (const id of idsOf(runs)) {
        if (id <= last) throw new BenchError('bench/wrong-answer', `id ${id} came after ${last}`);
        last = id;
      }
    }
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(used);
    if (round === 0) continue;
    rates.push((RESERVATIONS * RESERVED) / seconds);
    cpu.push((user + system) / (RESERVATIONS * RESERVED));
  }
  figure({
    metric: 'sequencer, reserved ids, TypeScript',
    value: median(rates),
    unit: 'ids/s',
    cpuPerOp: median(cpu),
    floor: null,
  });
}

async function benchRecords({ quick, signal, figure }: BenchContext, core: Core): Promise<void> {
  const rounds = quick ? 2 : 7;
  const batches = quick ? 8 : 32;
  const rates: number[] = [];
  const cpu: number[] = [];
  const seen = new Highest();
  for (let round = 0; round <= rounds; round++) {
    signal.throwIfAborted();
    const made = Array.from({ length: batches }, (_, place) => batch(round * batches + place));
    const used = process.cpuUsage();
    const start = performance.now();
    await proposeAll(core, made, seen);
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(used);
    if (round === 0) continue;
    rates.push((batches * DIGESTS) / seconds);
    cpu.push((user + system) / (batches * DIGESTS));
  }
  figure({
    metric: 'sequencer, ids with durable records, TypeScript',
    value: median(rates),
    unit: 'ids/s',
    cpuPerOp: median(cpu),
    floor: null,
  });
}

async function proposeAll(core: Core, batches: Uint8Array[], seen: Highest): Promise<void> {
  const lane = async () => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const { outcomes } = await core.propose(0, batch, { wait: 'durable', paths: false });
      seen.take(outcomes);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/** Every id must be new: those of a batch rise, and a batch's first is beyond the last of all before it. */
class Highest {
  #id = 0n;

  take(outcomes: Uint8Array): void {
    // A copy where they do not stand at a multiple of eight, as views of words must.
    const bytes = outcomes.byteOffset % 8 === 0 ? outcomes : Uint8Array.from(outcomes);
    const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
    if (words.length !== DIGESTS * OUTCOME_WORDS)
      throw new BenchError('bench/wrong-answer', `${outcomes.length} bytes of outcomes`);
    for (let at = ID_WORD; at < words.length; at += OUTCOME_WORDS) {
      const id = words[at] ?? 0n;
      if (id <= this.#id)
        throw new BenchError('bench/wrong-answer', `id ${id} came after ${this.#id}`);
      this.#id = id;
    }
  }
}

/** All different: a repeated one would be recognised. */
function batch(serial: number): Uint8Array {
  const digests = new Uint8Array(DIGESTS * DIGEST_BYTES);
  const view = new DataView(digests.buffer);
  for (let place = 0; place < DIGESTS; place++)
    view.setFloat64(place * DIGEST_BYTES, serial * DIGESTS + place);
  return encodeDigests({ code: CODE, submitter: '', digests });
}
