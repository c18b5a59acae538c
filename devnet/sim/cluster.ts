import { PyralogError } from '../../base/errors.ts';
import type { Clock } from '../../base/time.ts';
import {
  AccountSender,
  createAnchorChain,
  createFinalAnchors,
  ensureRegistered,
  type Registration,
  startAnchoring,
} from '../../chain/index.ts';
import {
  type CheckpointFeed,
  type Cosigner,
  createCosigner,
  createMemoryReplicator,
  createMemorySignedStates,
  type MemoryReplicator,
  readCheckpoint,
} from '../../consensus/index.ts';
import { createNotary, type NotaryService } from '../../notary/index.ts';
import { decodeReceiptCbor, encodeReceiptCbor, verifyReceipt } from '../../receipt/index.ts';
import { createMemoryLogStore, type MemoryLogStore } from '../../storage/index.ts';
import type { Cast } from './cast.ts';
import type { SimClock } from './clock.ts';
import { SKEW_MS_MAX } from './nemesis.ts';
import type { Life, Machine } from './node-machine.ts';
import { pickOne } from './random.ts';
import type { Transcript } from './transcript.ts';
import type { Witness } from './witness.ts';

const CLUSTER = 'toy';
const REGISTER_RETRY_MS = 1_000;
const ANCHOR_MS = 400;
/** Receipts looked at a run. */
const RECEIPTS = 2;

export interface ClusterDeps {
  readonly clock: SimClock;
  readonly random: () => number;
  readonly cast: Cast;
  readonly witness: Witness;
  readonly transcript: Transcript;
}

interface Entry {
  readonly id: bigint;
  readonly digest: Uint8Array;
  /** True time when it was handed in. */
  readonly at: number;
}

/**
 * A notary's cluster outside of the chain, which never fails: its log is anchored through nodes that do. Each of its
 * nodes has an account of its own, so that they are in each other's way.
 */
export class ToyCluster {
  readonly origin: string;
  readonly #deps: ClusterDeps;
  readonly #store: MemoryLogStore;
  readonly #cosigner: Cosigner;
  readonly #replicator: MemoryReplicator;
  readonly #notary: NotaryService;
  readonly #entries: Entry[] = [];
  #running = true;

  constructor(deps: ClusterDeps) {
    this.#deps = deps;
    const { cast, clock } = deps;
    const scope = `pyralog/${cast.network}/${CLUSTER}`;
    this.origin = `${scope}/notary/0`;
    this.#store = createMemoryLogStore([
      { origin: this.origin, sha256: false, dedupWindowMs: 86_400_000, dedupRecords: 1_024 },
    ]);
    this.#cosigner = createCosigner(
      { logStore: this.#store, states: createMemorySignedStates(), clock },
      { name: `${scope}/node-0`, seed: new Uint8Array(32).fill(7) },
    );
    const log = { store: this.#store, cosigner: this.#cosigner, clock };
    this.#replicator = createMemoryReplicator(log, { checkpointMsMin: 5 });
    this.#notary = this.#openNotary();
    this.#writeLater();
  }

  get size(): number {
    return this.#store.durableSize(0);
  }

  /** No new records. */
  stop(): void {
    this.#running = false;
  }

  /** Whether the newest record is final here. */
  async isAnchored(life: Life): Promise<boolean> {
    return (await life.chain.reader.log(this.origin))?.size === this.size;
  }

  /** Anchors through this node for as long as it lives; what it returns ends that. */
  attach(machine: Machine, life: Life, index: number): () => Promise<void> {
    const { cast, transcript, witness } = this.#deps;
    const { chain, clock } = life;
    const signer = cast.submitters[index];
    if (signer === undefined)
      throw new Error('invariant broken: there is an account for each home');
    const deps = {
      clock,
      network: cast.network,
      parameters: cast.genesis.chain.parameters,
      signer,
      reader: chain.reader,
      submit: async (bytes: Uint8Array) => void (await machine.submit(bytes, life)),
      onFinal: (listener: () => void) => chain.onFinal(() => listener()),
      log: transcript.logger(machine.id),
    };
    const onBug = (bug: unknown) => {
      if (!clock.isDead) witness.bug(machine.id, bug);
    };
    const sender = new AccountSender(deps);
    const anchorChain = createAnchorChain(deps);
    const feed: CheckpointFeed = {
      newest: (partition) => this.#replicator.newest(partition),
      reached: (partition, size, signal) =>
        whileAlive(clock, this.#replicator.reached(partition, size, signal)),
    };
    let stopped = false;
    const running = (async () => {
      await this.#register(sender, life, () => stopped);
      if (stopped) return undefined;
      return await startAnchoring(
        { clock, chain: anchorChain, feed, logStore: this.#store, onBug },
        { intervalMs: ANCHOR_MS, retryMs: 500 },
      );
    })();
    running.catch(onBug);
    return async () => {
      stopped = true;
      sender.stop();
      anchorChain.stop();
      const started = await running.catch(() => undefined); // told above
      await started?.stop();
    };
  }

  /** Q10: what the chain holds of the log is the log, each time longer. */
  checkAnchors(): void {
    const { witness } = this.#deps;
    let last = 0;
    for (const { notice } of [...witness.finals.values()].sort((a, b) => height(a) - height(b))) {
      for (const { origin, size, note } of notice.anchors) {
        if (origin !== this.origin || size <= last || size > this.size) {
          witness.violated(
            'Q10',
            `${origin} is anchored at ${size} of ${this.size}, after ${last}`,
          );
          continue;
        }
        last = size;
        const root = readCheckpoint(note).roots.find(({ alg }) => alg === 'blake3')?.root;
        if (root === undefined || Buffer.compare(root, this.#store.root(0, size, 'blake3')) !== 0) {
          witness.violated('Q10', `the anchor of ${size} records has another root than the log`);
        }
      }
    }
  }

  /** Q11: receipts of some records, from this node, verified by code that no node runs. */
  async checkReceipts({ chain }: Life): Promise<void> {
    const { random } = this.#deps;
    const { reader } = chain;
    const anchors = createFinalAnchors({ reader, onFinal: (listener) => chain.onFinal(listener) });
    const notary = this.#openNotary(anchors);
    for (let i = 0; i < RECEIPTS && this.#entries.length > 0; i++) {
      await this.#checkReceipt(notary, pickOne(random, this.#entries), i % 2 === 1);
    }
    await notary.drain();
  }

  async #checkReceipt(notary: NotaryService, entry: Entry, byHistory: boolean): Promise<void> {
    const { cast, witness } = this.#deps;
    const { id, digest, at } = entry;
    const receipt = await notary.receipt(id, { waitFor: 'checkpoint', byHistory });
    const read = receipt === undefined ? undefined : decodeReceiptCbor(encodeReceiptCbor(receipt));
    if (read?.ok !== true) {
      witness.violated('Q11', `record ${id} has no receipt that can be read`);
      return;
    }
    const verdict = verifyReceipt(read.value, digest, { policies: [], chains: [cast.trust] });
    if (!verdict.ok || verdict.level !== 'final') {
      const why = verdict.ok ? verdict.level : `${verdict.code}: ${verdict.message}`;
      witness.violated('Q11', `the receipt of record ${id} does not verify as final: ${why}`);
      return;
    }
    const late = at - (verdict.final?.noLaterThan ?? 0);
    if (late > SKEW_MS_MAX) {
      witness.violated('Q11', `record ${id} was handed in ${late} ms after T2 of its receipt`);
    }
  }

  #openNotary(anchors?: ReturnType<typeof createFinalAnchors>): NotaryService {
    return createNotary({
      replicator: this.#replicator,
      checkpoints: this.#replicator,
      logStore: this.#store,
      clock: this.#deps.clock,
      ...(anchors === undefined ? {} : { anchors }),
      defer: (task) => void Promise.resolve().then(task),
      onError: (bug) => this.#deps.witness.bug('cluster', bug),
    });
  }

  #writeLater(): void {
    const { clock, random } = this.#deps;
    clock.schedule(clock.monotonic() + random() * 400, () => {
      if (!this.#running) return;
      void this.#write();
      this.#writeLater();
    });
  }

  async #write(): Promise<void> {
    const { clock, random, witness } = this.#deps;
    const digest = new Uint8Array(32).map(() => Math.floor(random() * 256));
    const at = clock.wall();
    const submission = { algorithm: 'sha256', digest, submitter: '' } as const;
    const [outcome] = await this.#notary.submit([submission], { waitFor: 'durable' });
    if (outcome?.ok === true) this.#entries.push({ id: outcome.submitted.id, digest, at });
    else witness.bug('cluster', outcome);
  }

  async #register(sender: AccountSender, life: Life, isStopped: () => boolean): Promise<void> {
    const { cast } = this.#deps;
    const wanted: Registration = {
      name: CLUSTER,
      policy: { keys: [this.#cosigner.key], threshold: 1, faults: 0 },
      submitters: cast.submitters.map(({ publicKey }) => publicKey),
      deposit: 100_000_000n,
    };
    while (!isStopped()) {
      try {
        await ensureRegistered(sender, life.chain.reader, wanted);
        return;
      } catch (error) {
        if (isStopped()) return;
        // Full, or another node was first: the next look tells.
        if (!(error instanceof PyralogError)) throw error;
        await new Promise<void>((resolve) => {
          life.clock.schedule(life.clock.monotonic() + REGISTER_RETRY_MS, resolve);
        });
      }
    }
  }
}

function height({ notice }: { readonly notice: { readonly height: number } }): number {
  return notice.height;
}

/** A machine that crashed does not learn of anything any more. */
async function whileAlive<T>(clock: Clock & { readonly isDead: boolean }, work: Promise<T>) {
  const result = await work;
  return clock.isDead ? await new Promise<T>(() => {}) : result;
}
