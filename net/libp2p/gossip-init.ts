import { hash } from 'node:crypto';
import type { GossipsubOpts, Message } from '@libp2p/gossipsub';
import { FRAME_BYTES_MAX, TOPICS, type Topic } from '../types.ts';
import { compress, decompress, messageId, topicOfPath, topicPath } from './gossip-codec.ts';

/** Bytes waiting for one neighbour; a neighbour that lets more pile up loses messages, then its stream. */
export const OUTBOUND_BYTES_MAX = 16 * 1024 * 1024;

/** Snappy makes incompressible data a sixth longer at worst; envelope and control messages come on top. */
const INBOUND_BYTES_MAX = FRAME_BYTES_MAX + FRAME_BYTES_MAX / 4;

/**
 * Gossipsub for a network of a few to a few hundred nodes (G9).
 *
 * Unsigned: everything gossiped carries signatures of its own, and StrictSign would add 260 µs a message a side. A mesh
 * of up to 12 neighbours means that small networks are fully meshed: one hop. A heartbeat of 700 ms repairs it.
 */
export function gossipInit(networkId: string): Partial<GossipsubOpts> {
  const paths = (Object.keys(TOPICS) as Topic[]).map((topic) => topicPath(networkId, topic));
  return {
    globalSignaturePolicy: 'StrictNoSign',
    allowedTopics: paths,
    fallbackToFloodsub: false,
    canRelayMessage: false,
    emitSelf: false,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    floodPublish: true,
    doPX: false,
    // Telling two neighbours that a batch is known costs more than being sent a small one again.
    idontwantMinDataSize: 16 * 1024,
    D: 8,
    Dlo: 5,
    Dhi: 12,
    Dlazy: 6,
    heartbeatInterval: 700,
    mcacheLength: 6,
    mcacheGossip: 3,
    seenTTL: 120_000,
    maxInboundStreams: 4,
    maxOutboundStreams: 4,
    maxInboundDataLength: INBOUND_BYTES_MAX,
    maxOutboundBufferSize: OUTBOUND_BYTES_MAX,
    maxTopicBytesPerPeer: 16 * 1024,
    msgIdFn: (message: Message) => messageId(message.topic, message.data),
    msgIdToStrFn: (id) => Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1'),
    // Duplicates are found by their compressed bytes, before they are decompressed.
    fastMsgIdFn: ({ topic, data }) => topic + hash('sha256', data ?? new Uint8Array(0), 'base64'),
    dataTransform: {
      outboundTransform: (_path, data) => compress(data),
      inboundTransform: (path, data) => {
        const topic = topicOfPath(networkId, path);
        const whole = topic === undefined ? undefined : decompress(data, TOPICS[topic]);
        // How gossipsub is told that a message is invalid; it catches it.
        if (whole === undefined) throw new Error('not a message of this topic');
        return whole;
      },
    },
    scoreParams: scoreParams(paths),
    scoreThresholds: {
      gossipThreshold: -40,
      publishThreshold: -80,
      graylistThreshold: -160,
      acceptPXThreshold: 100,
      opportunisticGraftThreshold: 1,
    },
  };
}

/**
 * Scores inside gossipsub only decide who is in the mesh. Four invalid messages put a neighbour on its grey list;
 * bans are the score book's (G12). Rate of delivery counts for nothing: blocks come on demand.
 */
function scoreParams(paths: readonly string[]) {
  const topic = {
    topicWeight: 1,
    timeInMeshWeight: 0.001,
    timeInMeshQuantum: 1_000,
    timeInMeshCap: 3_600,
    firstMessageDeliveriesWeight: 0.1,
    firstMessageDeliveriesDecay: 0.9,
    firstMessageDeliveriesCap: 100,
    meshMessageDeliveriesWeight: 0,
    meshMessageDeliveriesDecay: 0.5,
    meshMessageDeliveriesCap: 100,
    meshMessageDeliveriesThreshold: 20,
    meshMessageDeliveriesWindow: 10,
    meshMessageDeliveriesActivation: 5_000,
    meshFailurePenaltyWeight: 0,
    meshFailurePenaltyDecay: 0.5,
    invalidMessageDeliveriesWeight: -10,
    invalidMessageDeliveriesDecay: 0.97,
  };
  return {
    topics: Object.fromEntries(paths.map((path) => [path, topic])),
    topicScoreCap: 50,
    // Many nodes behind one address are normal here; the gate caps them (G10).
    IPColocationFactorWeight: 0,
    behaviourPenaltyWeight: -5,
    behaviourPenaltyThreshold: 6,
    behaviourPenaltyDecay: 0.9,
    decayInterval: 10_000,
    decayToZero: 0.01,
    retainScore: 600_000,
  };
}
