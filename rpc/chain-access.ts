/**
 * The chain as the RPC server reaches it. It lives in the node's main thread, behind a message port: so everything but
 * what rarely changes is asynchronous, every value can be cloned, and many submissions travel as one message.
 */
import type {
  ChainErrorCode,
  ChainParameters,
  ChainReader,
  FinalAnchor,
  TransactionStatus,
} from '../chain/index.ts';

export interface ChainHead {
  readonly height: number;
  readonly id: Uint8Array;
  /** Unix milliseconds. */
  readonly time: number;
}

/** What one transaction of a batch came to; a value, because one refusal must not fail the others. */
export type SubmittedTransaction =
  /** In the mempool, or there already, or in a block (X18). `id` is X2. */
  | { readonly ok: true; readonly id: Uint8Array }
  | {
      readonly ok: false;
      readonly code: ChainErrorCode;
      readonly message: string;
      readonly data: Readonly<Record<string, string | number | bigint>>;
    };

export interface ValidatorStatus {
  readonly name: string;
  /** 32 bytes, the vote key. */
  readonly key: Uint8Array;
  readonly power: bigint;
  readonly self: boolean;
}

export interface ConsensusStatus {
  /** Being decided. */
  readonly height: number;
  readonly round: number;
  /** Begun since the start. */
  readonly rounds: number;
  /** `full`: follows and does not vote. */
  readonly role: 'validator' | 'full';
  /** In the order of the set. */
  readonly validators: readonly ValidatorStatus[];
  /** From the start of the newest height to its decision. */
  readonly lastDecisionSeconds: number;
  /** Other validators heard of at this height or the last. */
  readonly peersHearing: number;
  /** Behind what validators with more than a third of the power say they have, or fetching blocks that prove to be final. */
  readonly syncing: boolean;
}

export interface PeerStatus {
  readonly id: string;
  /** Multiaddr of the connection. */
  readonly address: string;
  readonly inbound: boolean;
  /** Newest height it claims. */
  readonly height?: number;
  readonly score: number;
  readonly roundTripMs?: number;
  /** Unix milliseconds. */
  readonly since: number;
  readonly name?: string;
}

export interface NetworkStatus {
  /** Own peer id. */
  readonly id: string;
  /** Multiaddrs to be dialled at. */
  readonly addresses: readonly string[];
  readonly banned: number;
  readonly peers: readonly PeerStatus[];
}

/** How far one log of this node is anchored. */
export interface LogAnchorStatus {
  readonly origin: string;
  /** Durable records. */
  readonly durable: number;
  /** Under the last final anchor; 0 = none yet. */
  readonly size: number;
  readonly height?: number;
  readonly time?: number;
  readonly cutOffAt?: number;
}

export interface AnchorStatus {
  readonly cluster: string;
  /** Absent while the cluster is not registered. */
  readonly account?: Uint8Array;
  readonly balance?: bigint;
  /** The account cannot pay the next anchor, or the cluster is not registered. */
  readonly empty: boolean;
  readonly logs: readonly LogAnchorStatus[];
}

/**
 * What the chain's methods are served from. Reads show final state only. Rejections carry a code of chain/ or
 * `chain/stopped`; anything else is a bug of the node.
 */
export interface ChainAccess extends ChainReader {
  parameters(): ChainParameters;
  /** Text of `genesis.json` (I7). */
  genesis(): string;
  /**
   * Gives transactions to the mempool, in order; as many outcomes as transactions, in their order. The server gathers
   * what arrives within a turn of its loop, so one call a few milliseconds carries all of its load.
   */
  submitBatch(transactions: readonly Uint8Array[]): Promise<readonly SubmittedTransaction[]>;
  /** Resolves when the transaction is final, dropped or unknown; rejects with the signal's reason. */
  settled(id: Uint8Array, signal: AbortSignal): Promise<TransactionStatus>;
  /** The newest final block, then every newer one; ends with `signal`. A slow reader may skip. */
  heads(signal: AbortSignal): AsyncIterable<ChainHead>;
  /** The newest final anchor of the log, if any, then every newer one; ends with `signal`. A slow reader may skip. */
  finalAnchors(origin: string, signal: AbortSignal): AsyncIterable<FinalAnchor>;
  consensusStatus(): Promise<ConsensusStatus>;
  network(): Promise<NetworkStatus>;
  anchorStatus(): Promise<AnchorStatus>;
}

/** Faults on purpose at this node (net.md G14). */
export type FaultOrder =
  | {
      readonly action: 'partition';
      readonly peers: readonly string[];
      readonly directions: readonly ('in' | 'out')[];
    }
  /** Without peers: every partition. */
  | { readonly action: 'heal'; readonly peers?: readonly string[] }
  | { readonly action: 'delay'; readonly delayMs: number; readonly jitterMs: number }
  | { readonly action: 'drop'; readonly rate: number }
  | { readonly action: 'clear' | 'show' };

export interface FaultsInForce {
  readonly partitions: readonly { readonly peer: string; readonly direction: 'in' | 'out' }[];
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly dropRate: number;
}

/** What a status screen shows of a node. */
export interface NodeStatus {
  readonly name: string;
  readonly networkId: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly rssBytes: number;
  /** Durable records of its logs. */
  readonly records: number;
  /** Newest final height; 0 without a chain. */
  readonly height: number;
  readonly headTime?: number;
  /** From the start of the newest height to its decision. */
  readonly finalitySeconds?: number;
  readonly role: 'none' | 'validator' | 'full';
  readonly peers: number;
  readonly mempool: number;
  /** Records of its logs under final anchors. */
  readonly anchored: number;
  /** What an operator must see to, such as a validator that does not vote. */
  readonly warnings: readonly string[];
}

/** The operator's hand on the network; served on the admin listener only (R7). */
export interface NetworkActions {
  fault(order: FaultOrder): Promise<FaultsInForce>;
  ban(peer: string, seconds: number): Promise<void>;
  /** Whether there was a ban. */
  unban(peer: string): Promise<boolean>;
}
