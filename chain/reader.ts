import { treePath } from '../native/index.ts';
import {
  decodeHeader,
  encodeAnchorProof,
  encodeTransactionProof,
  type HistoryPath,
} from '../receipt/index.ts';
import { decodeAnchorLeaf } from './codec/anchor-leaf.ts';
import { decodeTransaction } from './codec/transaction.ts';
import type { Ledger } from './ledger.ts';
import { Lru } from './lru.ts';
import type { Mempool } from './mempool/types.ts';
import { damaged, type StoredParts } from './store/chain-store.ts';
import { stateKey } from './store/layout.ts';
import type {
  Account,
  AnchoredLog,
  BlockHeader,
  ChainReader,
  Cluster,
  FinalAnchor,
  FinalBlock,
  TransactionStatus,
} from './types.ts';

/** Blocks kept as they were read: several proofs are asked of one block. */
const BLOCKS_KEPT = 16;

/** Everything that reads the final chain, for rpc/ and the notary. */
export class LedgerReader implements ChainReader {
  readonly #ledger: Ledger;
  readonly #mempool: Mempool;
  readonly #blocks = new Lru<StoredParts & { readonly decoded: BlockHeader }>(BLOCKS_KEPT);

  constructor(ledger: Ledger, mempool: Mempool) {
    this.#ledger = ledger;
    this.#mempool = mempool;
  }

  head(): ReturnType<ChainReader['head']> {
    const { head } = this.#ledger;
    return head === undefined ? undefined : { height: head.height, id: head.id, time: head.time };
  }

  async account(key: Uint8Array): Promise<Account> {
    const view = await this.#ledger.cache.fetch([{ accounts: [key] }]);
    return view.account(key);
  }

  async nextNonce(key: Uint8Array): Promise<bigint> {
    return await this.#mempool.nextNonce(key);
  }

  async cluster(name: string): Promise<Cluster | undefined> {
    const view = await this.#ledger.cache.fetch([{ accounts: [], cluster: name }]);
    return view.cluster(name);
  }

  async log(origin: string): Promise<AnchoredLog | undefined> {
    const view = await this.#ledger.cache.fetch([{ accounts: [], log: origin }]);
    return view.log(origin);
  }

  async block(height: number): Promise<FinalBlock | undefined> {
    const block = await this.#read(height);
    if (block === undefined) return undefined;
    const { store } = this.#ledger;
    const [id, evidence] = await Promise.all([store.id(height), store.evidence(height)]);
    if (id === undefined) throw damaged(`block ${height} has no id`);
    return {
      id,
      header: block.decoded,
      headerBytes: block.header,
      certificate: evidence.bytes,
      transactions: block.transactions,
    };
  }

  async transaction(id: Uint8Array): Promise<TransactionStatus> {
    // What waits is not final: many wait for blocks, and each would cost a look into the store.
    const waiting = this.#mempool.status(id);
    if (waiting?.state === 'pending') return waiting;
    const place = await this.#ledger.store.transaction(id);
    if (place !== undefined && place.height <= this.#ledger.height) {
      return { state: 'final', height: place.height, index: place.index, time: place.time };
    }
    return this.#mempool.status(id) ?? { state: 'unknown' };
  }

  async anchor(origin: string, size: number): Promise<FinalAnchor | undefined> {
    const found = await this.#ledger.store.anchor(origin, size);
    if (found === undefined || found.height > this.#ledger.height) return undefined;
    const block = await this.#read(found.height);
    const decoded = decodeTransaction(block?.transactions[found.index] ?? new Uint8Array(0));
    if (!decoded.ok || decoded.value.body.kind !== 'anchor') {
      throw damaged(`transaction ${found.index} of block ${found.height} is not the anchor it was`);
    }
    const { note } = decoded.value.body;
    return { origin, size: found.size, note, height: found.height, time: found.time };
  }

  /** F4, F5. By history needs a later block than the anchor's; without one it is scheme 1. */
  async anchorProof(
    origin: string,
    size: number,
    byHistory = false,
  ): Promise<{ readonly scheme: number; readonly proof: Uint8Array } | undefined> {
    const { store, head } = this.#ledger;
    const found = await store.anchor(origin, size);
    if (found === undefined || found.size !== size || head === undefined) return undefined;
    const { height, anchorIndex: index } = found;
    if (height > head.height) return undefined;
    const later = byHistory && head.height > height ? head.height : height;
    const [anchored, certified, evidence, leaves] = await Promise.all([
      this.#read(height),
      this.#read(later),
      store.evidence(later),
      store.anchorLeaves(height),
    ]);
    const leaf = decodeAnchorLeaf(leaves[index] ?? new Uint8Array(0));
    if (anchored === undefined || certified === undefined || !leaf.ok) {
      throw damaged(`the anchors of block ${height} are not there`);
    }
    const { scheme, proof } = encodeAnchorProof({
      header: certified.header,
      certificate: evidence.bytes,
      count: leaves.length,
      index,
      path: treePath('anchors', leaves, index),
      roots: leaf.value.roots.filter(({ alg }) => alg !== 'blake3'),
      keyIds: leaf.value.keyIds,
      ...(later === height ? {} : { history: this.#historyPath(anchored, height, later) }),
    });
    return { scheme, proof };
  }

  /** F7. */
  async transactionProof(id: Uint8Array): Promise<Uint8Array | undefined> {
    const { store } = this.#ledger;
    const place = await store.transaction(id);
    if (place === undefined || place.height > this.#ledger.height) return undefined;
    const { height, index } = place;
    const [block, evidence] = await Promise.all([this.#read(height), store.evidence(height)]);
    const transaction = block?.transactions[index];
    if (block === undefined || transaction === undefined) {
      throw damaged(`transaction ${index} of block ${height} is not there`);
    }
    return encodeTransactionProof({
      header: block.header,
      certificate: evidence.bytes,
      count: block.transactions.length,
      index,
      path: treePath('transactions', block.transactions, index),
      transaction,
    });
  }

  /** U7, under the newest header. */
  async stateProof(key: Uint8Array): ReturnType<ChainReader['stateProof']> {
    const { store } = this.#ledger;
    for (;;) {
      // A block that becomes final while the value is read would show a value of another root.
      const { version, height, tree } = this.#ledger;
      const proof = tree.prove(version, key);
      const value = await store.kv.get(stateKey(key));
      if (!this.#ledger.isWriting && this.#ledger.version === version) {
        return { height, value, proof };
      }
      await this.#ledger.written();
    }
  }

  #historyPath(anchored: StoredParts, height: number, later: number): HistoryPath {
    const { history } = this.#ledger;
    return { header: anchored.header, path: history.path(height - 1, later - 1) };
  }

  async #read(height: number) {
    if (height < 1 || height > this.#ledger.height) return undefined;
    const kept = this.#blocks.get(String(height));
    if (kept !== undefined) return kept;
    const parts = await this.#ledger.store.parts(height);
    if (parts === undefined) throw damaged(`block ${height} is missing`);
    const header = decodeHeader(parts.header);
    if (!header.ok) throw damaged(`block ${height}: ${header.message}`);
    const block = { ...parts, decoded: header.value };
    this.#blocks.set(String(height), block);
    return block;
  }
}
