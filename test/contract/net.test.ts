import { seededRandom } from '../../devnet/sim/random.ts';
import { createMemoryGossip, createMemoryNetwork } from '../../net/index.ts';
import { realClock } from '../support/real-clock.ts';
import { describeGossip } from './gossip.ts';
import { describeTransport } from './transport.ts';

const bug = (error: unknown) => {
  throw error;
};

describeTransport('in memory', async () => {
  const network = createMemoryNetwork(
    { clock: realClock, random: seededRandom(1) },
    { delayMsMax: 0, laneBytesMax: 1 << 20, inboxFramesMax: 64 },
  );
  return { a: network.join('a'), b: network.join('b') };
});

describeGossip('in memory', async (peers) => {
  const edges = peers.slice(1).map((peer, i) => [peers[i] ?? '', peer] as const);
  const join = createMemoryGossip(
    { clock: realClock, random: seededRandom(1), onBug: bug },
    { edges, delayMsMax: 1, lossRate: 0, queueMax: 1_024, seenMax: 200_000 },
  );
  return peers.map(join);
});
