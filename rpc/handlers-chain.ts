/** The chain's methods (chain.md, rpc.md R12), from the wire to {@link ChainAccess} and back. */
import {
  accountToWire,
  anchoredLogToWire,
  blockToWire,
  bytesFromWire,
  clusterToWire,
  countFromWire,
  headToWire,
  type MethodName,
  type MethodParams,
  type MethodResult,
  parametersToWire,
  transactionStatusToWire,
} from '../api/index.ts';
import { onAbort } from '../base/abort.ts';
import { toHex } from '../base/bytes.ts';
import type { PyralogError } from '../base/errors.ts';
import type { TransactionStatus } from '../chain/index.ts';
import type { ChainAccess, SubmittedTransaction } from './chain-access.ts';
import type { ChainSource } from './chain-parts.ts';
import type { Caller } from './dispatch.ts';
import { errorObjectOf, internalError, rpcError } from './errors.ts';
import { mapped } from './mapped.ts';
import { refusalOf } from './refusal.ts';
import { type Handlers, need } from './serve.ts';
import { subscriberOf } from './subscriptions.ts';
import type { RpcLimits } from './types.ts';

type ChainMethod = Extract<MethodName, `chain_${string}`>;

/** Calls that wait for a block at once, over all connections; beyond it a call is answered with what is known. */
const WAITS_MAX = 8_192;

export function chainHandlers(
  parts: ChainSource,
  limits: Pick<RpcLimits, 'callMsDefault'>,
): Handlers<ChainMethod> {
  const settled = settler(parts, limits.callMsDefault);
  const submission = submitHandlers(parts, settled);
  return {
    ...submission,
    ...proofHandlers(parts),
    chain_head: () => headToWire(parts().chain.head()),
    chain_block: async ({ height }) => blockOf(parts().chain, height),
    chain_transaction: async (params) => transactionOf(parts().chain, params.id),
    chain_transactionStatus: async (params, caller) => {
      const id = need(bytesFromWire(params.id, 'id', 32));
      const status =
        params.waitFor === 'final'
          ? await settled(id, params.timeoutMs, caller)
          : await parts().chain.transaction(id);
      return transactionStatusToWire(status);
    },
    chain_account: async (params) => {
      const { chain } = parts();
      const key = need(bytesFromWire(params.key, 'key', 32));
      const [account, nextNonce] = await Promise.all([chain.account(key), chain.nextNonce(key)]);
      return accountToWire({ ...account, nextNonce });
    },
    chain_cluster: async ({ name }) => {
      const { chain } = parts();
      const cluster = await chain.cluster(name);
      if (cluster === undefined) throw notFound('no cluster of that name is registered');
      const { balance } = await chain.account(cluster.account);
      return clusterToWire({ ...cluster, balance });
    },
    chain_log: async ({ origin }) => {
      const log = await parts().chain.log(origin);
      if (log === undefined) throw notFound('no log of that origin has a final anchor');
      return anchoredLogToWire(log);
    },
    chain_parameters: () => parametersToWire(parts().chain.parameters()),
    chain_genesis: () => {
      const { chain, networkId } = parts();
      return { networkId: networkId(), document: chain.genesis() };
    },
    chain_subscribeHeads: (_params, caller) => {
      const { chain } = parts();
      return subscriberOf(caller).subscribe('chain_subscription', (signal) =>
        mapped(chain.heads(signal), headToWire),
      );
    },
  };
}

function proofHandlers(
  parts: ChainSource,
): Handlers<'chain_stateProof' | 'chain_transactionProof'> {
  return {
    chain_stateProof: async (params) => {
      const key = need(bytesFromWire(params.key, 'key'));
      const { height, value, proof } = await parts().chain.stateProof(key);
      const wire = { height: `${height}`, proof: toHex(proof) };
      return value === undefined ? wire : { ...wire, value: toHex(value) };
    },
    chain_transactionProof: async (params) => {
      const proof = await parts().chain.transactionProof(need(bytesFromWire(params.id, 'id', 32)));
      if (proof === undefined) throw notFinal();
      return { proof: toHex(proof) };
    },
  };
}

type Settle = (
  id: Uint8Array,
  timeoutMs: number | undefined,
  caller: Caller,
) => Promise<TransactionStatus>;

function submitHandlers(
  parts: ChainSource,
  settled: Settle,
): Handlers<'chain_submitTransaction' | 'chain_submitTransactions'> {
  return {
    chain_submitTransaction: async (params, caller) => {
      const bytes = need(bytesFromWire(params.transaction, 'transaction'));
      const [outcome] = await parts().submissions.submit([bytes]);
      if (outcome === undefined) throw new Error('the chain gave no outcome for a transaction');
      if (!outcome.ok) throw refusalOf(outcome);
      const id = toHex(outcome.id);
      if (params.waitFor !== 'final') return { id, status: { state: 'pending' } };
      const status = await settled(outcome.id, params.timeoutMs, caller);
      return { id, status: transactionStatusToWire(status) };
    },
    chain_submitTransactions: async (params) => {
      const transactions = params.transactions.map((text) =>
        need(bytesFromWire(text, 'transaction')),
      );
      const outcomes = await parts().submissions.submit(transactions);
      return { results: outcomes.map(outcomeToWire) };
    },
  };
}

/**
 * Waits until a transaction is settled, but not for ever (R11): when time is up the answer is what is known then, because a
 * transaction has an id to ask about again.
 */
function settler(parts: ChainSource, msDefault: number): Settle {
  let waiting = 0;
  return async (id, timeoutMs, caller) => {
    const { chain } = parts();
    if (waiting >= WAITS_MAX || caller.signal.aborted) return chain.transaction(id);
    const patience = new AbortController();
    const end = () => patience.abort();
    const timer = setTimeout(end, timeoutMs ?? msDefault);
    const unheed = onAbort(caller.signal, end);
    waiting++;
    try {
      return await chain.settled(id, patience.signal);
    } catch (error) {
      if (!patience.signal.aborted) throw error;
      return chain.transaction(id);
    } finally {
      waiting--;
      clearTimeout(timer);
      unheed();
    }
  };
}

async function blockOf(
  chain: ChainAccess,
  text: string | undefined,
): Promise<MethodResult<'chain_block'>> {
  const newest = chain.head()?.height ?? 0;
  const height = text === undefined ? newest : need(countFromWire(text, 'height'));
  const block = height === 0 || height > newest ? undefined : await chain.block(height);
  if (block !== undefined) return blockToWire(block);
  throw notFound(`there is no final block of height ${height}; the newest has ${newest}`);
}

async function transactionOf(
  chain: ChainAccess,
  text: MethodParams<'chain_transaction'>['id'],
): Promise<MethodResult<'chain_transaction'>> {
  const status = await chain.transaction(need(bytesFromWire(text, 'id', 32)));
  if (status.state !== 'final') throw notFinal();
  const { height, index, time } = status;
  const transaction = (await chain.block(height))?.transactions[index];
  if (transaction === undefined) throw new Error(`block ${height} has no transaction ${index}`);
  return {
    id: text,
    transaction: toHex(transaction),
    height: `${height}`,
    index: `${index}`,
    time: `${time}`,
  };
}

function outcomeToWire(
  outcome: SubmittedTransaction,
): MethodResult<'chain_submitTransactions'>['results'][number] {
  if (outcome.ok) return { id: toHex(outcome.id), status: { state: 'pending' } };
  return { error: errorObjectOf(refusalOf(outcome)) ?? internalError };
}

function notFinal(): PyralogError {
  return notFound('no final block has a transaction of that id; see chain_transactionStatus');
}

export function notFound(message: string): PyralogError {
  return rpcError('chain/not-found', message);
}
