/** The anchor machine through transactions of a submitter, over a chain that reorders, refuses, forgets and is somebody else's too. */
import { strict as assert } from 'node:assert';
import { PyralogError } from '../../base/errors.ts';
import type { LogFields, Logger } from '../../base/log.ts';
import { createAnchorChain, type NodeAnchorChain } from '../../chain/anchor-chain.ts';
import { startAnchoring } from '../../chain/anchor-service.ts';
import { decodeTransaction, transactionId } from '../../chain/codec/transaction.ts';
import type {
  AnchoredLog,
  ChainReader,
  FinalAnchor,
  FinalBlock,
  Transaction,
  TransactionStatus,
} from '../../chain/types.ts';
import { createSeedSigner, readCheckpoint } from '../../consensus/index.ts';
import { SimClock } from '../../devnet/sim/clock.ts';
import { seededRandom } from '../../devnet/sim/random.ts';
import { treeHash, verifyConsistency } from '../../receipt/index.ts';
import { encodeProposal } from '../../storage/index.ts';
import { memoryParts, partitionsOf } from '../support/memory-notary.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const RUNS = Number(process.env['RUNS'] ?? 25);
const NETWORK = 'devnet-0011223344556677';
const BLOCK_MS = 200;

interface Faults {
  /** Chance that a transaction is forgotten before its block. */
  readonly forget: number;
  /** Chance that the mempool is full. */
  readonly full: number;
  /** Chance a block that the account cannot pay, from then until the next. */
  readonly poor: number;
  /** Chance a block that another process of the same submitter uses up a nonce. */
  readonly rival: number;
}

/** A chain of one account: a mempool that loses things, blocks every 200 ms, anchors judged as X7 does. */
class ModelChain {
  readonly #clock: SimClock;
  readonly #random: () => number;
  faults: Faults;
  readonly counts = { forgotten: 0, full: 0, poor: 0, rivals: 0, refused: 0, nonces: 0 };
  readonly anchors: FinalAnchor[] = [];
  readonly evidence: number[] = [];
  #waiting = new Map<bigint, { id: string; transaction: Transaction }>();
  readonly #final = new Map<string, { height: number; index: number; time: number }>();
  readonly #listeners = new Set<() => void>();
  #nonce = 0n;
  #height = 0;
  #poor = false;
  running = true;

  constructor(clock: SimClock, random: () => number, faults: Faults) {
    this.#clock = clock;
    this.#random = random;
    this.faults = faults;
    this.#blockLater();
  }

  readonly submit = async (bytes: Uint8Array): Promise<void> => {
    const decoded = decodeTransaction(bytes);
    assert.ok(decoded.ok);
    const { nonce, fee } = decoded.value;
    // On its way for as long as a block takes, so that its nonce may be used by then.
    await new Promise<void>((resolve) => {
      this.#clock.schedule(this.#clock.monotonic() + this.#random() * BLOCK_MS, resolve);
    });
    assert.ok(fee >= 1_000n + 10n * BigInt(bytes.length), 'the fee covers its bytes (X3)');
    if (this.#random() < this.faults.full) {
      this.counts.full++;
      throw new PyralogError('chain/mempool-full', 'full', { data: { retryAfterMs: 100 } });
    }
    if (this.#poor) {
      this.counts.poor++;
      throw new PyralogError('chain/insufficient-balance', 'empty', { data: { balance: 0n } });
    }
    if (nonce < this.#nonce) {
      this.counts.nonces++;
      throw new PyralogError('chain/bad-nonce', 'used', { data: { expected: this.#nonce } });
    }
    const id = Buffer.from(transactionId(bytes)).toString('hex');
    const taken = this.#waiting.get(nonce);
    if (taken !== undefined && taken.id !== id && fee < (taken.transaction.fee * 11n) / 10n) {
      const minimum = (taken.transaction.fee * 11n) / 10n + 1n;
      throw new PyralogError('chain/fee-too-low', 'taken', { data: { minimum } });
    }
    this.#waiting.set(nonce, { id, transaction: decoded.value });
  };

  onFinal = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly reader: Pick<ChainReader, 'nextNonce' | 'transaction' | 'log' | 'anchor' | 'block'> = {
    nextNonce: async () => {
      let next = this.#nonce;
      while (this.#waiting.has(next)) next++;
      return next;
    },
    transaction: async (id): Promise<TransactionStatus> => {
      const key = Buffer.from(id).toString('hex');
      const place = this.#final.get(key);
      if (place !== undefined) return { state: 'final', ...place };
      const waits = [...this.#waiting.values()].some((each) => each.id === key);
      return waits ? { state: 'pending' } : { state: 'unknown' };
    },
    log: async (origin): Promise<AnchoredLog | undefined> => {
      const last = this.anchors.findLast((each) => each.origin === origin);
      if (last === undefined) return undefined;
      const { roots } = readCheckpoint(last.note);
      return { origin, size: last.size, roots, height: last.height, cutOffAt: undefined };
    },
    anchor: async (origin, size) =>
      this.anchors.find((each) => each.origin === origin && each.size >= size),
    block: async (height): Promise<FinalBlock | undefined> =>
      ({ certificate: Uint8Array.of(height) }) as unknown as FinalBlock,
  };

  #blockLater(): void {
    this.#clock.schedule(this.#clock.monotonic() + BLOCK_MS, () => {
      if (!this.running) return;
      this.#block();
      this.#blockLater();
    });
  }

  #block(): void {
    const { forget, poor, rival } = this.faults;
    this.#height++;
    this.#poor = this.#random() < poor;
    for (const nonce of [...this.#waiting.keys()]) {
      if (this.#random() >= forget) continue;
      this.#waiting.delete(nonce);
      this.counts.forgotten++;
    }
    if (this.#random() < rival) {
      this.#waiting.delete(this.#nonce++);
      this.counts.rivals++;
    }
    for (let index = 0; ; index++) {
      const next = this.#waiting.get(this.#nonce);
      if (next === undefined) break;
      this.#waiting.delete(this.#nonce);
      // What the state forbids is left out of blocks, and its nonce stays free.
      if (!this.#execute(next.transaction)) break;
      this.#nonce++;
      const time = this.#clock.wall();
      this.#final.set(next.id, { height: this.#height, index, time });
    }
    for (const listener of [...this.#listeners]) listener();
  }

  #execute({ body }: Transaction): boolean {
    assert.ok(body.kind === 'anchor');
    const { origin, size, roots, note } = readCheckpoint(body.note);
    const last = this.anchors.findLast((each) => each.origin === origin);
    const fromRoots = last === undefined ? [] : readCheckpoint(last.note).roots;
    const grows = (last?.size ?? 0) === body.from && size > body.from;
    const holds = roots.every(({ alg, root }, i) => {
      const tree = treeHash(alg);
      const fromRoot = fromRoots[i]?.root ?? tree.empty();
      const path = body.paths[i] ?? [];
      return verifyConsistency(tree, { from: body.from, to: size, fromRoot, toRoot: root, path });
    });
    if (!grows || !holds) {
      this.counts.refused++;
      return false;
    }
    this.anchors.push({ origin, size, note, height: this.#height, time: this.#clock.wall() });
    return true;
  }
}

interface Trace {
  readonly written: number[];
  readonly anchored: number[];
  readonly finals: number[];
  readonly heights: number[];
  readonly counts: ModelChain['counts'];
  readonly figures: ReturnType<NodeAnchorChain['figures']>;
  readonly lines: string[];
}

/** One checker a rule (docs/spec/anchor.md). */
const checkers: Record<string, (trace: Trace) => void> = {
  'A4: every record is anchored in the end, whatever was refused, lost or taken': (trace) => {
    assert.deepEqual(trace.anchored, trace.written);
  },
  'A5: what is told as final is on the chain, where it says': ({ finals, heights, anchored }) => {
    assert.ok(finals.every((size, i) => i === 0 || size > (finals[i - 1] ?? 0)));
    assert.equal(finals.at(-1), anchored[0]);
    assert.ok(heights.every((height) => height > 0));
  },
  'A7: an empty account is said once, and once that it is funded again': ({ lines, counts }) => {
    assert.equal(lines.length > 0, counts.poor > 0);
    for (const [i, line] of lines.entries()) {
      assert.equal(line, i % 2 === 0 ? 'cannot pay' : 'pays again');
    }
    assert.ok(lines.length % 2 === 0, 'in the end it pays');
  },
};

describe('anchor chain simulation', () => {
  it(`anchors everything over a chain that loses things (seeds ${SEED} to ${SEED + RUNS - 1})`, async () => {
    const total: Record<string, number> = {};
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const trace = await simulate(seed);
      for (const [kind, count] of Object.entries(trace.counts)) {
        total[kind] = (total[kind] ?? 0) + count;
      }
      checkAll(trace, seed);
    }
    if (RUNS < 10) return;
    for (const [kind, count] of Object.entries(total)) assert.ok(count > 0, `${kind} never fired`);
  });

  it('gives the same run for the same seed', async () => {
    assert.deepEqual(await simulate(SEED), await simulate(SEED));
  });
});

function checkAll(trace: Trace, seed: number): void {
  for (const [rule, check] of Object.entries(checkers)) {
    try {
      check(trace);
    } catch (cause) {
      throw new Error(`SEED=${seed}: ${rule}: ${String(cause)}`, { cause });
    }
  }
}

async function simulate(seed: number): Promise<Trace> {
  const random = seededRandom(seed);
  const clock = new SimClock();
  const { store, replicator } = memoryParts(partitionsOf(2), clock);
  const model = new ModelChain(clock, random, { forget: 0.2, full: 0.2, poor: 0.1, rival: 0.1 });
  const lines: string[] = [];
  const bugs: unknown[] = [];
  const chain = createAnchorChain({
    clock,
    network: NETWORK,
    parameters: { feeBase: 1_000n, feePerByte: 10n },
    signer: createSeedSigner(new Uint8Array(32).fill(9)),
    reader: model.reader,
    submit: model.submit,
    onFinal: model.onFinal,
    log: loggerInto(lines),
  });
  const anchoring = await startAnchoring(
    { clock, chain, feed: replicator, logStore: store, onBug: (bug) => bugs.push(bug) },
    { intervalMs: 250, retryMs: 300 },
  );
  const finals: number[] = [];
  const heights: number[] = [];
  const stop = new AbortController();
  const [first, second] = store.partitions.map(({ origin }) => origin);
  assert.ok(first !== undefined && second !== undefined);
  const following = (async () => {
    for await (const { checkpoint, height } of anchoring.anchor.subscribe(first, stop.signal)) {
      finals.push(checkpoint.size);
      heights.push(height);
    }
  })();
  for (let i = 0; i < 30; i++) {
    const partition = i % 2;
    clock.schedule(random() * 10_000, () => {
      const value = Buffer.from(`${i}`);
      const proposal = encodeProposal([{ schemaId: 0, value, submitter: '' }]);
      void replicator.propose(partition, proposal, { wait: 'durable', paths: false });
    });
  }
  const settled = () =>
    clock.monotonic() > 11_000 &&
    [first, second].every((origin, partition) => {
      const last = model.anchors.findLast((each) => each.origin === origin);
      return last?.size === store.durableSize(partition) && finals.at(-1) === sizeOf(model, first);
    });
  while (!settled() && clock.monotonic() < 120_000) {
    if (clock.monotonic() > 11_000) model.faults = { forget: 0, full: 0, poor: 0, rival: 0 };
    await turn();
    clock.advance();
  }
  await turn();
  const figures = chain.figures();
  model.running = false;
  chain.stop();
  await anchoring.stop();
  stop.abort();
  await following;
  assert.deepEqual(bugs, [], `SEED=${seed}`);
  return {
    written: [store.durableSize(0), store.durableSize(1)],
    anchored: [sizeOf(model, first), sizeOf(model, second)],
    finals,
    heights,
    counts: model.counts,
    figures,
    lines,
  };
}

function sizeOf(model: ModelChain, origin: string): number {
  return model.anchors.findLast((each) => each.origin === origin)?.size ?? 0;
}

/** Several turns, for promises behind promises. */
async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

function loggerInto(lines: string[]): Logger {
  const note = (_: LogFields, message: string) => {
    if (message.includes('cannot pay')) lines.push('cannot pay');
    if (message.includes('pays for anchors again')) lines.push('pays again');
  };
  return { debug() {}, info: note, warn: note, error: note };
}
