import type {
  Account,
  AnchoredLog,
  ChainFigures,
  ChainParameters,
  Cluster,
  FinalAnchor,
  FinalBlock,
  TransactionStatus,
} from '../chain/index.ts';
import type { NetFigures } from '../net/index.ts';
import type { FinalAnchors } from '../notary/index.ts';
import type {
  AnchorStatus,
  ChainAccess,
  ChainHead,
  ConsensusStatus,
  FaultOrder,
  FaultsInForce,
  NetworkActions,
  NetworkStatus,
  SubmittedTransaction,
} from '../rpc/index.ts';
import type { BridgeClient } from './bridge.ts';
import type { AnchorCounts } from './network-types.ts';

/** What the main thread measures of chain, network and consensus, for the metrics and the devnet's screen. */
export interface NetworkFigures {
  readonly chain: ChainFigures;
  readonly net: NetFigures;
  readonly consensus: {
    readonly height: number;
    readonly rounds: number;
    readonly decisionSeconds: number;
    readonly refusedMessages: number;
    readonly syncedBlocks: number;
    readonly misbehaviour: number;
    readonly signing: boolean;
  };
  readonly anchors: AnchorCounts;
  /** Why the node does not vote though it should. */
  readonly warnings: readonly string[];
}

/** The chain in the main thread, as the RPC thread holds it. */
export interface RemoteChain {
  readonly access: ChainAccess;
  readonly anchors: FinalAnchors;
  readonly actions: NetworkActions;
  figures(): Promise<NetworkFigures>;
  /** Ends every call and stream; an open port would keep its thread alive. */
  close(): void;
}

/** Proxies over the bridge; what `node/chain-served.ts` serves. Every value was made there, so its type is taken on trust. */
export function remoteChain(
  bridge: BridgeClient,
  { genesis, parameters }: { genesis: string; parameters: ChainParameters },
): RemoteChain {
  const ask = <T>(method: string, args: readonly unknown[] = [], signal?: AbortSignal) =>
    bridge.call(method, args, signal) as Promise<T>;
  const stream = <T>(method: string, args: readonly unknown[], signal: AbortSignal) =>
    bridge.stream(method, args, signal) as AsyncIterable<T>;
  let head: ChainHead | undefined;
  void followHead(stream<ChainHead>('heads', [], new AbortController().signal), (newest) => {
    head = newest;
  });
  const access: ChainAccess = {
    parameters: () => parameters,
    genesis: () => genesis,
    head: () => head,
    account: (key) => ask<Account>('account', [key]),
    nextNonce: (key) => ask<bigint>('nextNonce', [key]),
    cluster: (name) => ask<Cluster | undefined>('cluster', [name]),
    log: (origin) => ask<AnchoredLog | undefined>('log', [origin]),
    block: (height) => ask<FinalBlock | undefined>('block', [height]),
    transaction: (id) => ask<TransactionStatus>('transaction', [id]),
    anchor: (origin, size) => ask<FinalAnchor | undefined>('anchor', [origin, size]),
    anchorProof: (origin, size, byHistory) => ask('anchorProof', [origin, size, byHistory]),
    transactionProof: (id) => ask('transactionProof', [id]),
    stateProof: (key) => ask('stateProof', [key]),
    submitBatch: (transactions) =>
      ask<readonly SubmittedTransaction[]>('submitBatch', [transactions]),
    settled: (id, signal) => ask<TransactionStatus>('settled', [id], signal),
    heads: (signal) => stream<ChainHead>('heads', [], signal),
    finalAnchors: (origin, signal) => stream<FinalAnchor>('finalAnchors', [origin], signal),
    consensusStatus: () => ask<ConsensusStatus>('consensusStatus'),
    network: () => ask<NetworkStatus>('network'),
    anchorStatus: () => ask<AnchorStatus>('anchorStatus'),
  };
  return {
    access,
    anchors: {
      anchor: access.anchor,
      proof: access.anchorProof,
      subscribe: access.finalAnchors,
      obstacle: () => ask<string | undefined>('anchorObstacle'),
    },
    actions: {
      fault: (order: FaultOrder) => ask<FaultsInForce>('fault', [order]),
      ban: (peer, seconds) => ask<void>('ban', [peer, seconds]),
      unban: (peer) => ask<boolean>('unban', [peer]),
    },
    figures: () => ask<NetworkFigures>('figures'),
    close: () => bridge.close(),
  };
}

async function followHead(
  heads: AsyncIterable<ChainHead>,
  take: (head: ChainHead) => void,
): Promise<void> {
  try {
    for await (const head of heads) take(head);
  } catch {
    // The node is stopping: the newest head stays what it was.
  }
}
