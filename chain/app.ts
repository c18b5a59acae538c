import { assert } from '../base/errors.ts';
import type {
  App,
  BlockVerdict,
  BuiltBlock,
  FinalityEvidence,
  Finalized,
  ProposalRequest,
  StoredBlock,
  ValidatorInfo,
} from '../consensus/index.ts';
import { decodeHeader } from '../receipt/index.ts';
import { buildBlock } from './build.ts';
import { type Candidate, Candidates } from './candidates.ts';
import { HeadCertificates } from './certified.ts';
import { chainError } from './errors.ts';
import { Judge } from './judge.ts';
import type { Ledger } from './ledger.ts';
import type { Mempool } from './mempool/types.ts';
import type { FinalNotice, VerifyCertificate } from './options.ts';
import { damaged } from './store/chain-store.ts';

export interface ChainAppDeps {
  readonly ledger: Ledger;
  readonly mempool: Mempool;
  readonly verifyCertificate: VerifyCertificate;
  readonly onBug: (bug: unknown) => void;
}

/** The chain as its engine drives it: builds, judges and keeps blocks on the head. */
export class ChainApp implements App {
  readonly #deps: ChainAppDeps;
  readonly #candidates: Candidates;
  readonly #certificates: HeadCertificates;
  readonly #judge: Judge;
  readonly #listeners = new Set<(notice: FinalNotice) => void>();
  #working: Promise<unknown> = Promise.resolve();
  #closed = false;
  executedTransactions = 0;
  refusedTransactions = 0;

  constructor(deps: ChainAppDeps, candidatesMax: number) {
    this.#deps = deps;
    this.#candidates = new Candidates(deps.ledger.tree, candidatesMax);
    this.#certificates = new HeadCertificates(deps.ledger, deps.verifyCertificate);
    this.#judge = new Judge(deps.ledger, deps.mempool, this.#certificates.certify);
  }

  head(): Finalized | undefined {
    return this.#deps.ledger.head;
  }

  validators(_height: number): readonly ValidatorInfo[] {
    return this.#deps.ledger.validators;
  }

  async submit(transaction: Uint8Array): Promise<void> {
    this.#checkOpen();
    const [admission] = await this.#deps.mempool.add([transaction]);
    assert(admission !== undefined, 'a mempool answers for each transaction');
    if (!admission.ok) throw admission.error;
  }

  hasPending(): boolean {
    return this.#deps.mempool.hasPending;
  }

  onPending(listener: () => void): () => void {
    return this.#deps.mempool.onPending(listener);
  }

  /** X12, X17. */
  propose(request: ProposalRequest): Promise<BuiltBlock> {
    return this.#alone(async () => {
      const { ledger, mempool } = this.#deps;
      const { candidate, refused } = await buildBlock(ledger, mempool, request);
      this.refusedTransactions += refused;
      this.#candidates.add(candidate);
      return { ...infoOf(candidate), bytes: candidate.bytes };
    });
  }

  /** X12. */
  validate(bytes: Uint8Array): Promise<BlockVerdict> {
    return this.#alone(async () => {
      const judged = await this.#judge.judge(bytes);
      if (!judged.ok) return judged;
      const { candidate } = judged;
      this.#candidates.add(candidate);
      return { ok: true, block: infoOf(candidate), proposer: candidate.header.proposer };
    });
  }

  /** X21. */
  commit(id: Uint8Array, evidence: FinalityEvidence): Promise<void> {
    return this.#alone(async () => {
      const candidate = this.#candidates.get(id);
      assert(candidate !== undefined, 'a block is proposed or validated here before its commit');
      const { ledger, mempool } = this.#deps;
      await ledger.append(candidate, evidence);
      this.#candidates.clear(candidate);
      this.#certificates.learn(id, evidence.bytes);
      const { transactions, state } = candidate.executed;
      this.executedTransactions += transactions.length;
      const ids = transactions.map((entry) => entry.id);
      mempool.settle(
        candidate.header.height,
        ids,
        [...state.accounts()].map(({ key }) => key),
      );
      this.#notify(candidate, ids);
    });
  }

  async block(height: number): Promise<StoredBlock | undefined> {
    if (height < 1 || height > this.#deps.ledger.height) return undefined;
    return await this.#deps.ledger.store.block(height, timeOf);
  }

  /** Returns the function that ends it. */
  onFinal(listener: (notice: FinalNotice) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Waits for what is under way; everything after it is refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#working.catch(() => {
      // Whoever asked for it was told.
    });
    this.#candidates.close();
  }

  /** The engine asks for one thing at a time; this holds it to that where it would hurt. */
  #alone<T>(task: () => Promise<T>): Promise<T> {
    const run = async () => {
      this.#checkOpen();
      return await task();
    };
    const done = this.#working.then(run, run);
    this.#working = done;
    return done;
  }

  #notify({ id, header, executed }: Candidate, transactions: readonly Uint8Array[]): void {
    const { height, time } = header;
    const anchors = executed.anchors.map(({ leaf, note }) => {
      return { origin: leaf.origin, size: leaf.size, note, height, time };
    });
    for (const listener of [...this.#listeners]) {
      try {
        listener({ height, id, header, anchors, transactions });
      } catch (bug) {
        this.#deps.onBug(bug);
      }
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw chainError('chain/stopped', 'the chain is closed on this node');
  }
}

function infoOf({ id, header }: Candidate) {
  return { height: header.height, id, time: header.time };
}

function timeOf(bytes: Uint8Array): number {
  const header = decodeHeader(bytes);
  if (!header.ok) throw damaged(header.message);
  return header.value.time;
}
