import { strict as assert } from 'node:assert';
import { MemoryChain, openAnchor } from '../../consensus/index.ts';
import { SimClock } from '../../devnet/sim/clock.ts';
import { seededRandom } from '../../devnet/sim/random.ts';
import { encodeProposal } from '../../storage/index.ts';
import { memoryParts, partitionsOf } from '../support/memory-notary.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const RUNS = Number(process.env['RUNS'] ?? 30);
const INTERVAL_MS = 1_000;
const RETRY_MS = 200;

/** What one run did, for the checkers: one a rule (docs/spec/anchor.md). */
interface Trace {
  readonly written: number;
  /** Sizes the chain took, in order. */
  readonly anchors: number[];
  /** Sizes that were told as final. */
  readonly finals: number[];
  readonly sends: { at: number; size: number; newest: number; answeredAt: number }[];
  readonly refusals: number;
  readonly lostAnswers: number;
}

const checkers: Record<string, (trace: Trace) => void> = {
  'A1: each send is the newest checkpoint there was': ({ sends }) => {
    for (const { size, newest } of sends) assert.equal(size, newest);
  },
  'A2: no anchor leaves before the last one is answered': ({ sends }) => {
    for (const [i, send] of sends.entries()) {
      const before = sends[i - 1];
      if (before !== undefined) assert.ok(before.answeredAt <= send.at, `send ${i}`);
    }
  },
  'A3: sends are an interval apart, a retry the back-off': ({ sends }) => {
    for (const [i, send] of sends.entries()) {
      const before = sends[i - 1];
      if (before === undefined) continue;
      const due = Math.min(before.at + INTERVAL_MS, before.answeredAt + RETRY_MS);
      assert.ok(send.at >= due, `send ${i} at ${send.at}, due ${due}`);
    }
  },
  'A4: the last record becomes final whatever was refused or lost': ({ finals, written }) => {
    assert.equal(finals.at(-1), written);
  },
  'anchors only grow': ({ anchors, finals }) => {
    for (const sizes of [anchors, finals]) {
      assert.deepEqual(
        sizes,
        [...new Set(sizes)].sort((a, b) => a - b),
      );
    }
  },
};

describe('anchor simulation', () => {
  it(`keeps A1 to A4 (seeds ${SEED} to ${SEED + RUNS - 1})`, async () => {
    let refusals = 0;
    let lostAnswers = 0;
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const trace = await simulate(seed);
      refusals += trace.refusals;
      lostAnswers += trace.lostAnswers;
      for (const [rule, check] of Object.entries(checkers)) {
        try {
          check(trace);
        } catch (cause) {
          throw new Error(`SEED=${seed}: ${rule}: ${String(cause)}`, { cause });
        }
      }
    }
    if (RUNS >= 10) assert.ok(refusals > 0 && lostAnswers > 0, 'a kind of fault never fired');
  });

  it('gives the same run for the same seed', async () => {
    assert.deepEqual(await simulate(SEED), await simulate(SEED));
  });
});

async function simulate(seed: number): Promise<Trace> {
  const random = seededRandom(seed);
  const clock = new SimClock();
  const bugs: unknown[] = [];
  const { store, replicator } = memoryParts(partitionsOf(1), clock);
  const origin = store.partitions[0]?.origin ?? '';
  const faults = { blockMsMax: 3_000, refuseRate: 1 / 4, loseAnswerRate: 1 / 4 };
  const chain = new MemoryChain({ clock, random }, faults);
  const sends: Trace['sends'] = [];
  let newest = 0;
  let refusals = 0;
  let lostAnswers = 0;
  const watched = {
    last: (o: string) => chain.last(o),
    covering: (o: string, size: number) => chain.covering(o, size),
    async submit(transaction: Parameters<MemoryChain['submit']>[0]) {
      const { size } = transaction.checkpoint;
      const send = { at: clock.monotonic(), size, newest, answeredAt: Number.POSITIVE_INFINITY };
      sends.push(send);
      try {
        return await chain.submit(transaction);
      } catch (error) {
        if (error instanceof Error && error.message === 'connection lost') lostAnswers++;
        else refusals++;
        throw error;
      } finally {
        send.answeredAt = clock.monotonic();
      }
    },
  };
  const anchor = await openAnchor(
    { clock, chain: watched, logStore: store, onBug: (bug) => bugs.push(bug) },
    { intervalMs: INTERVAL_MS, retryMs: RETRY_MS },
  );
  const finals: number[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const { checkpoint } of anchor.subscribe(origin, stop.signal)) {
      finals.push(checkpoint.size);
    }
  })();

  for (let i = 0; i < 25; i++) {
    clock.schedule(random() * 20_000, () => {
      const records = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, j) => ({
        schemaId: 0,
        value: Buffer.from(`${i} ${j}`),
        submitter: '',
      }));
      void replicator
        .propose(0, encodeProposal(records), { wait: 'checkpoint', paths: false })
        .then(({ checkpoint }) => {
          if (checkpoint === undefined || checkpoint.size <= newest) return;
          newest = checkpoint.size;
          anchor.offer(checkpoint);
        });
    });
  }
  do await new Promise<void>((resolve) => setImmediate(resolve));
  while (clock.advance());
  anchor.stop();
  stop.abort();
  await following;
  assert.deepEqual(bugs, [], `SEED=${seed}`);
  const anchors = chain.anchors(origin).map(({ size }) => size);
  return { written: store.durableSize(0), anchors, finals, sends, refusals, lostAnswers };
}
