import { encode } from 'cborg';
import { assert } from '../base/errors.ts';
import type { FinalityEvidence, Finalized, ValidatorInfo } from '../consensus/index.ts';
import { type History, packStateChanges, type StateTree, treeRoot } from '../native/index.ts';
import type { BlockHeader } from '../receipt/index.ts';
import type { Candidate } from './candidates.ts';
import type { ExecutedBlock } from './execution/block.ts';
import type { BlockContext } from './execution/plan.ts';
import type { StateChange } from './execution/working-state.ts';
import { hashUnder } from './hash.ts';
import type { ChainDeps, ChainGenesis } from './options.ts';
import { Signatures } from './signatures.ts';
import type { ChainStore, StoreEntry } from './store/chain-store.ts';
import type { Opened } from './store/open.ts';
import { StateCache } from './store/state-cache.ts';

/** Roots that execution gives (X10), and the state behind it. */
export interface Outcome {
  readonly transactions: Uint8Array;
  readonly anchors: Uint8Array;
  readonly state: Uint8Array;
  readonly changes: readonly StateChange[];
  /** The caller releases it. */
  readonly version: number;
}

/** The final chain on this node: its newest block, its state, and where both are kept. */
export class Ledger {
  readonly genesis: ChainGenesis;
  readonly store: ChainStore;
  readonly cache: StateCache;
  readonly tree: StateTree;
  readonly history: History;
  readonly signatures: Signatures;
  /** The set of every height: genesis fixes it. */
  readonly validators: readonly ValidatorInfo[];
  /** X10. */
  readonly validatorsHash: Uint8Array;
  #head: Finalized | undefined;
  #version: number;
  #write: Promise<void> | undefined;

  constructor(
    deps: Pick<ChainDeps, 'genesis' | 'tree' | 'verifySignatures'>,
    opened: Opened,
    cacheEntries: number,
  ) {
    this.signatures = new Signatures(deps.verifySignatures);
    this.genesis = deps.genesis;
    this.tree = deps.tree;
    this.store = opened.store;
    this.history = opened.history;
    this.cache = new StateCache(opened.store.kv, cacheEntries);
    this.#version = opened.version;
    const { header, evidence, ...head } = opened.head;
    if (header !== undefined && evidence !== undefined) {
      this.#head = { ...head, time: header.time, evidence };
    }
    this.validators = deps.genesis.chain.validators.map(({ key, power, name }) => ({
      key,
      power,
      name,
    }));
    const set = this.validators.map(({ key, power }) => [key, power]);
    this.validatorsHash = hashUnder('validators', encode(set));
  }

  get head(): Finalized | undefined {
    return this.#head;
  }

  get height(): number {
    return this.#head?.height ?? 0;
  }

  /** Of the newest block, or of genesis before the first: the next block is later (X12). */
  get time(): number {
    return this.#head?.time ?? this.genesis.time;
  }

  /** Of the state tree behind the head. */
  get version(): number {
    return this.#version;
  }

  /** What the transactions of the next block see, when this validator proposed it (X3). */
  context(proposer: number): BlockContext {
    const validator = this.genesis.chain.validators[proposer];
    assert(validator !== undefined, 'the proposer is in the validator set');
    return {
      network: this.genesis.network,
      height: this.height + 1,
      feeAccount: validator.account,
      parameters: this.genesis.chain.parameters,
      isValid: this.signatures.isValid,
    };
  }

  /** What an executed block on the head comes to. */
  outcome({ state, transactions, anchors }: ExecutedBlock): Outcome {
    const changes = [...state.changes()];
    const { version, root } = this.tree.apply(this.#version, packStateChanges(changes));
    return {
      transactions: treeRoot(
        'transactions',
        transactions.map(({ bytes }) => bytes),
      ),
      anchors: treeRoot(
        'anchors',
        anchors.map(({ leafBytes }) => leafBytes),
      ),
      state: root,
      changes,
      version,
    };
  }

  /** What the next header says of the chain so far (X10). */
  ancestry(
    certificate: Uint8Array,
  ): Pick<BlockHeader, 'height' | 'validators' | 'nextValidators' | 'certificate' | 'history'> {
    return {
      height: this.height + 1,
      validators: this.validatorsHash,
      nextValidators: undefined,
      certificate: hashUnder('certificate', certificate),
      history: this.history.root(this.height),
    };
  }

  /** Whether a block is on its way to the disk: the store may be ahead of the head. */
  get isWriting(): boolean {
    return this.#write !== undefined;
  }

  /** Resolves once no block is on its way, whatever became of it. */
  async written(): Promise<void> {
    await this.#write?.catch(() => {
      // Whoever made the block final is told.
    });
  }

  /** Makes a block durable, then shows it as final (X21). When the write fails, everything is as it was. */
  async append(candidate: Candidate, evidence: FinalityEvidence): Promise<void> {
    const { id, header, executed, version } = candidate;
    const { height, time } = header;
    assert(height === this.height + 1, 'blocks become final once a height, in order');
    try {
      this.#write = this.store.append(entryOf(candidate, evidence));
      await this.#write;
    } finally {
      this.#write = undefined;
    }
    this.history.append([id]);
    this.cache.apply(executed.state);
    const before = this.#version;
    this.#version = version;
    this.#head = { height, id, time, evidence };
    this.tree.release(before);
  }

  close(): void {
    this.history.close();
    this.tree.release(this.#version);
  }
}

function entryOf(candidate: Candidate, evidence: FinalityEvidence): StoreEntry {
  const { id, header, bytes, executed, changes } = candidate;
  return {
    height: header.height,
    id,
    time: header.time,
    bytes,
    evidence,
    transactions: executed.transactions.map((entry) => entry.id),
    anchors: executed.anchors.map(({ leaf, leafBytes, index }) => ({
      origin: leaf.origin,
      size: leaf.size,
      leaf: leafBytes,
      index,
    })),
    changes,
  };
}
