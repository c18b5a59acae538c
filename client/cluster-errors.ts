// SPDX-License-Identifier: Apache-2.0
/** What a failure at one node means for the whole call (CK2). */
import { clientError, RpcError } from './errors.ts';

/** About the call and not the node: another one would say the same. */
const FOR_GOOD: ReadonlySet<string> = new Set([
  'rpc/invalid-params',
  'rpc/invalid-request',
  'rpc/method-not-found',
  'rpc/answer-too-large',
  'rpc/body-too-large',
  'notary/idempotency-conflict',
  'notary/invalid-submission',
  'notary/not-found',
  'notary/unknown-log',
  'notary/not-anchored',
  'chain/no-chain',
]);

/** Said by the client itself: no node can help. */
const OWN: ReadonlySet<string> = new Set(['client/closed', 'client/invalid-argument']);

/** What was asked for may have happened all the same. */
const OPEN: ReadonlySet<string> = new Set([
  'notary/outcome-unknown',
  'consensus/outcome-unknown',
  'log/outcome-unknown',
  'storage/poisoned',
  'rpc/internal',
]);

/** A node refused the call itself. */
export function isRefusedForGood(error: unknown): boolean {
  return error instanceof RpcError && FOR_GOOD.has(error.code);
}

/** No other node is to be asked. */
export function endsCall(error: RpcError): boolean {
  return FOR_GOOD.has(error.code) || OWN.has(error.code);
}

/** A transport's failure says nothing of what the node did; what a node says is known but for a few codes. */
export function isOpen({ code, rpcCode }: RpcError): boolean {
  return rpcCode === 0 || OPEN.has(code);
}

/** Of a node that sends what cannot be read even conversions trip. */
export function asRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  return clientError('client/bad-answer', 'the answer of a node cannot be read', error);
}

export function untrusted(why: string): RpcError {
  return clientError(
    'client/untrusted-answer',
    `a node gave an answer that is not to be trusted: ${why}`,
  );
}

export function outcomeUnknown(cause: RpcError): RpcError {
  return clientError(
    'client/outcome-unknown',
    `time was up before anybody could say what became of it (${cause.message}); repeat it with the same key or content`,
    cause,
  );
}
