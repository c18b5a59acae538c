/** The chain as the handlers use it: every question bounded in time, submissions gathered. */
import type { ChainAccess } from './chain-access.ts';
import { rpcError } from './errors.ts';
import { defaultSubmissionLimits, Submissions } from './submissions.ts';
import type { RpcDependencies, RpcLimits, RpcOptions } from './types.ts';

export interface ChainParts {
  readonly chain: ChainAccess;
  readonly submissions: Submissions;
  readonly networkId: () => string;
}

/** What serves the chain's methods; throws `chain/no-chain` on a node that is on none. */
export type ChainSource = () => ChainParts;

export interface OpenedChain {
  readonly source: ChainSource;
  /** Absent without a chain. */
  readonly submissions?: Submissions;
}

/** One for the server: its submissions share their bounds. */
export function openChainSource(
  { chain, info }: Pick<RpcDependencies, 'chain' | 'info'>,
  limits: Pick<RpcLimits, 'callMsDefault'>,
  options: Pick<RpcOptions, 'submissions'>,
): OpenedChain {
  if (chain === undefined) {
    const source = () => {
      throw rpcError(
        'chain/no-chain',
        'this node is on no chain: ask one that is, or join one with `pyralog join`',
      );
    };
    return { source };
  }
  const answerMsMax = limits.callMsDefault;
  const parts: ChainParts = {
    chain: inTime(chain, answerMsMax),
    submissions: new Submissions(chain, {
      ...defaultSubmissionLimits,
      answerMsMax,
      ...options.submissions,
    }),
    networkId: () => info().networkId,
  };
  return { source: () => parts, submissions: parts.submissions };
}

/** The same chain, whose answers are given up after a while: the thread it lives in may be busy. */
function inTime(chain: ChainAccess, ms: number): ChainAccess {
  const soon = <T>(answer: Promise<T>) => answeredWithin(ms, answer);
  return {
    head: () => chain.head(),
    parameters: () => chain.parameters(),
    genesis: () => chain.genesis(),
    account: (key) => soon(chain.account(key)),
    nextNonce: (key) => soon(chain.nextNonce(key)),
    cluster: (name) => soon(chain.cluster(name)),
    log: (origin) => soon(chain.log(origin)),
    block: (height) => soon(chain.block(height)),
    transaction: (id) => soon(chain.transaction(id)),
    anchor: (origin, size) => soon(chain.anchor(origin, size)),
    anchorProof: (origin, size, byHistory) => soon(chain.anchorProof(origin, size, byHistory)),
    transactionProof: (id) => soon(chain.transactionProof(id)),
    stateProof: (key) => soon(chain.stateProof(key)),
    consensusStatus: () => soon(chain.consensusStatus()),
    network: () => soon(chain.network()),
    anchorStatus: () => soon(chain.anchorStatus()),
    // These have bounds of their own: a batch, a signal.
    submitBatch: (transactions) => chain.submitBatch(transactions),
    settled: (id, signal) => chain.settled(id, signal),
    heads: (signal) => chain.heads(signal),
    finalAnchors: (origin, signal) => chain.finalAnchors(origin, signal),
  };
}

function answeredWithin<T>(ms: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(rpcError('rpc/timed-out', `no answer within ${ms} ms: ask again`)),
      ms,
    );
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
