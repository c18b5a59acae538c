import type { Logger } from '../base/log.ts';
import type { App, ValidatorInfo } from '../consensus/index.ts';
import type { StateTree } from '../native/index.ts';
import type { GenesisChain } from '../receipt/index.ts';
import type { KeyValue } from '../storage/index.ts';
import type { VerifyAll } from './mempool/signatures.ts';
import type { Mempool, StateReads } from './mempool/types.ts';
import type { BlockHeader, ChainFigures, ChainReader, FinalAnchor } from './types.ts';

/** Whether a certificate proves that this block is final under these validators (pos.md P6). Asked once a certificate: answers are kept. */
export type VerifyCertificate = (
  block: { readonly height: number; readonly id: Uint8Array },
  validators: readonly ValidatorInfo[],
  certificate: Uint8Array,
) => boolean | Promise<boolean>;

/** What the chain needs of genesis (I2, I7). */
export interface ChainGenesis {
  /** Network id (I3): it stands in everything signed. */
  readonly network: string;
  /** Unix milliseconds; the first block is later. */
  readonly time: number;
  readonly chain: GenesisChain;
}

export interface ChainDeps {
  /** Holds this chain and nothing else (X21). It stays the caller's: closed after {@link Chain.close}. */
  readonly store: KeyValue;
  /** An empty tree; the chain rebuilds it from the store. It stays the caller's. */
  readonly tree: StateTree;
  /** The mempool reads the newest final state through {@link StateReads}. */
  readonly openMempool: (reads: StateReads) => Mempool;
  readonly genesis: ChainGenesis;
  readonly verifyCertificate: VerifyCertificate;
  /** One byte an item, 1 where the signature is valid. Default: native code on the thread pool, whose order no seed repeats. */
  readonly verifySignatures?: VerifyAll;
  readonly log: Logger;
  /** Told of a listener that threw, and of whatever breaks an invariant. */
  readonly onBug: (bug: unknown) => void;
}

export interface ChainOptions {
  /** State entries kept in memory in front of the store; the least recently used go first. */
  readonly cacheEntries: number;
  /** Competing blocks of one height kept executed; the oldest goes first and would have to be validated again. */
  readonly candidatesMax: number;
}

export const CHAIN_DEFAULTS: ChainOptions = { cacheEntries: 65_536, candidatesMax: 64 };

/** A block that has just become final, for whoever waits for what is in it. */
export interface FinalNotice {
  readonly height: number;
  readonly id: Uint8Array;
  readonly header: BlockHeader;
  readonly anchors: readonly FinalAnchor[];
  /** Ids (X2), in order. */
  readonly transactions: readonly Uint8Array[];
}

/** A chain on one node: what consensus drives, what the world reads, and the mempool between them. */
export interface Chain {
  /** For the engine. */
  readonly app: App;
  /** For rpc/, the notary and the anchor machine. */
  readonly reader: ChainReader;
  readonly mempool: Mempool;
  figures(): ChainFigures;
  /** Calls back in order of height, once a block is durable and shows in {@link reader}. Returns the function that ends it. */
  onFinal(listener: (notice: FinalNotice) => void): () => void;
  /** Waits for a commit under way, stops the mempool and frees what is in native memory; the app then rejects with `chain/stopped`. */
  close(): Promise<void>;
}
