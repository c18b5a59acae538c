import { createHash } from 'node:crypto';
import { equalBytes } from '../../../base/bytes.ts';
import { assert } from '../../../base/errors.ts';
import type {
  App,
  BlockVerdict,
  BuiltBlock,
  FinalityEvidence,
  Finalized,
  ProposalRequest,
  StoredBlock,
  ValidatorInfo,
} from '../../../consensus/engine.ts';

interface Block {
  readonly height: number;
  readonly time: number;
  readonly proposer: number;
  readonly parent: string;
  readonly transactions: readonly string[];
}

/** What survives a crash of {@link NoteApp}. */
export interface NoteStore {
  readonly blocks: StoredBlock[];
}

/** The smallest chain: texts in blocks. What is committed is durable at once. */
export class NoteApp implements App {
  readonly store: NoteStore;
  readonly calls: string[] = [];
  pending: string[] = [];
  /** Transactions waiting at most. */
  pendingMax = 10_000;
  /** Who gets what is submitted here. */
  others: readonly NoteApp[] = [];
  readonly #validators: readonly ValidatorInfo[];
  readonly #ready = new Map<string, { readonly block: BuiltBlock; readonly proposer: number }>();
  readonly #listeners = new Set<() => void>();
  readonly #done = new Set<string>();
  #busy = false;

  constructor(validators: readonly ValidatorInfo[], store: NoteStore = { blocks: [] }) {
    this.#validators = validators;
    this.store = store;
  }

  get transactions(): string[] {
    return this.store.blocks.flatMap(({ bytes }) => readBlock(bytes)?.transactions ?? []);
  }

  head(): Finalized | undefined {
    return this.store.blocks.at(-1);
  }

  validators(): readonly ValidatorInfo[] {
    return this.#validators;
  }

  async submit(transaction: Uint8Array): Promise<void> {
    if (this.pending.length >= this.pendingMax) {
      throw Object.assign(new Error('full'), { code: 'chain/mempool-full' });
    }
    this.add(Buffer.from(transaction).toString());
  }

  /** Takes it, and lets the others of its network take it. Texts that start with `!` are never put into a block. */
  add(text: string): void {
    this.take(text);
    for (const other of this.others) other.take(text);
  }

  take(text: string): void {
    if (text.startsWith('!') || this.#done.has(text)) return;
    this.pending.push(text);
    for (const listener of [...this.#listeners]) listener();
  }

  hasPending(): boolean {
    return this.pending.length > 0;
  }

  onPending(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  propose(request: ProposalRequest): Promise<BuiltBlock> {
    return this.#alone(`propose ${request.height}`, () => {
      const { height, proposer } = request;
      const head = this.head();
      assert(height === (head?.height ?? 0) + 1, 'proposes on the head');
      assert(
        (request.parentEvidence === undefined) === (height === 1),
        'gives the evidence of the parent',
      );
      const time = Math.max(request.time, (head?.time ?? 0) + 1);
      const transactions = this.pending.slice(0, 100);
      const block = buildBlock({ height, time, proposer, parent: this.#parent(), transactions });
      this.#ready.set(textOf(block.id), { block, proposer });
      return block;
    });
  }

  validate(bytes: Uint8Array): Promise<BlockVerdict> {
    return this.#alone(`validate ${(this.head()?.height ?? 0) + 1}`, () => {
      const block = readBlock(bytes);
      if (block === undefined) return { ok: false, reason: 'no block' };
      const id = idOf(bytes);
      const { height, time, proposer } = block;
      const isNext = height === (this.head()?.height ?? 0) + 1 && block.parent === this.#parent();
      if (!isNext) return { ok: false, reason: 'not on the head', id };
      if (time <= (this.head()?.time ?? 0)) return { ok: false, reason: 'time', id };
      if (block.transactions.includes('bad')) return { ok: false, reason: 'bad', id };
      this.#ready.set(textOf(id), { block: { height, time, id, bytes }, proposer });
      return { ok: true, block: { height, time, id }, proposer };
    });
  }

  commit(id: Uint8Array, evidence: FinalityEvidence): Promise<void> {
    const { block } = this.#ready.get(textOf(id)) ?? {};
    assert(block !== undefined, 'commits what it proposed or validated');
    return this.#alone(`commit ${block.height}`, () => {
      assert(block.height === (this.head()?.height ?? 0) + 1, 'commits in order');
      this.store.blocks.push({ ...block, evidence });
      this.#ready.clear();
      for (const text of readBlock(block.bytes)?.transactions ?? []) this.#done.add(text);
      this.pending = this.pending.filter((text) => !this.#done.has(text));
    });
  }

  async block(height: number): Promise<StoredBlock | undefined> {
    return this.store.blocks[height - 1];
  }

  #parent(): string {
    const head = this.head();
    return head === undefined ? '' : textOf(head.id);
  }

  /** The engine promises one call at a time. */
  async #alone<T>(call: string, work: () => T): Promise<T> {
    assert(!this.#busy, `one call at a time: ${call}`);
    this.calls.push(call);
    this.#busy = true;
    try {
      await undefined;
      return work();
    } finally {
      this.#busy = false;
    }
  }
}

export function buildBlock(block: Block): BuiltBlock {
  const bytes = Uint8Array.from(Buffer.from(JSON.stringify(block)));
  return { height: block.height, time: block.time, id: idOf(bytes), bytes };
}

export function sameChain(a: NoteStore, b: NoteStore): boolean {
  return a.blocks.every(({ id }, i) => {
    const other = b.blocks[i]?.id;
    return other === undefined || equalBytes(id, other);
  });
}

function readBlock(bytes: Uint8Array): Block | undefined {
  try {
    const block: Block = JSON.parse(Buffer.from(bytes).toString());
    return Number.isInteger(block?.height) && Array.isArray(block.transactions) ? block : undefined;
  } catch {
    return undefined;
  }
}

function idOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(bytes).digest());
}

function textOf(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}
