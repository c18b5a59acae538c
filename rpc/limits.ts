/** Default bounds of rpc.md R4. */
import type { RpcLimits } from './types.ts';

const MB = 1_000_000;

export const defaultLimits: RpcLimits = {
  bodyBytesMax: 5 * MB,
  batchCallsMax: 1_000,
  answerBytesMax: 16 * MB,
  subscriptionsMax: 32,
  callsInFlightMax: 1_024,
  connectionsMax: 1_024,
  requestsPerSecond: 0,
  limitLoopback: false,
  callMsDefault: 30_000,
  receiveBytesMax: 256 * MB,
  messageMsMax: 20_000,
  stallMsMax: 10_000,
  sendBufferBytesHigh: 1 * MB,
  // Two largest answers: one being read, one behind it.
  sendBufferBytesMax: 32 * MB,
};
