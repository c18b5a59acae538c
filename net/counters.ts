import type { Fault, NetFigures } from './types.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a network counts as it goes; the figures of this moment are added when someone asks. */
export type NetCounters = Mutable<
  Omit<NetFigures, 'peers' | 'bannedPeers' | 'queueBytes' | 'roundTripSeconds' | 'faults'>
> & { readonly faults: Record<Fault, number> };

export function newCounters(): NetCounters {
  return {
    linksOpened: 0,
    linksClosed: 0,
    dialsFailed: 0,
    framesSent: 0,
    framesReceived: 0,
    sentBytes: 0,
    receivedBytes: 0,
    gossipPublished: 0,
    gossipReceived: 0,
    gossipRejected: 0,
    gossipSentBytes: 0,
    gossipReceivedBytes: 0,
    faults: {
      malformed: 0,
      invalid: 0,
      oversized: 0,
      flood: 0,
      'wrong-network': 0,
      'wrong-genesis': 0,
      'old-version': 0,
      unresponsive: 0,
    },
  };
}
