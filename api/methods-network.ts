// SPDX-License-Identifier: Apache-2.0
/** Methods about anchors, the agreement and the peers (anchor.md, pos.md, net.md). */
import Type from 'typebox';
import { origin } from './examples.ts';
import * as examples from './examples-chain.ts';
import * as s from './schemas.ts';
import * as c from './schemas-chain.ts';

const read = { listener: 'public', idempotent: true } as const;

export const networkMethods = {
  anchor_status: {
    ...read,
    summary: 'How far the logs of this node are anchored, and what is left to pay with.',
    params: s.shape({}),
    result: c.anchorStatus,
    example: { params: {}, result: examples.anchorStatus },
  },
  anchor_proof: {
    ...read,
    summary: 'The first final anchor that covers `size` records of a log, with its proof (F4, F5).',
    params: s.shape({
      origin: s.origin,
      size: s.decimal('Records that must be covered; at least 1.'),
      byHistory: Type.Optional(
        Type.Boolean({ description: 'Scheme 2: under the newest header (F5).' }),
      ),
    }),
    result: s.shape({
      anchor: c.finalAnchor,
      scheme: Type.Integer({ minimum: 1 }),
      proof: c.hex('FinalityProof of `pos` (finality.md).'),
    }),
    example: {
      params: { origin, size: '1' },
      result: { anchor: examples.anchor, scheme: 1, proof: '87' },
    },
  },
  anchor_subscribe: {
    summary: 'Sends every anchor of a log that becomes final as `anchor_subscription`.',
    listener: 'websocket',
    idempotent: false,
    params: s.shape({ origin: s.origin }),
    result: Type.String({ description: 'Subscription id; `notary_unsubscribe` ends it.' }),
    example: { params: { origin }, result: '1' },
  },
  consensus_status: {
    ...read,
    summary: "This node's part in the agreement.",
    params: s.shape({}),
    result: c.consensusStatus,
    example: { params: {}, result: examples.consensusStatus },
  },
  consensus_validators: {
    ...read,
    summary: 'Who votes on the height being decided, in the order of the set (P1).',
    params: s.shape({}),
    result: s.shape({ height: c.height, validators: Type.Array(c.validator) }),
    example: { params: {}, result: examples.validators },
  },
  net_peers: {
    ...read,
    summary: 'The connected peers.',
    params: s.shape({}),
    result: s.shape({ peers: Type.Array(c.peer) }),
    example: { params: {}, result: { peers: [examples.peer] } },
  },
  net_status: {
    ...read,
    summary: 'Own peer id, where the node listens, how many it knows.',
    params: s.shape({}),
    result: c.netStatus,
    example: { params: {}, result: examples.netStatus },
  },
} as const;

/** On the admin listener only, behind its token (R7). */
export const networkAdminMethods = {
  net_fault: {
    summary: 'Faults on purpose at this node, for devnets (net.md G14); answers those in force.',
    listener: 'admin',
    idempotent: true,
    params: c.faultParams,
    result: c.faultState,
    example: {
      params: { action: 'partition', peers: ['*'], directions: ['in'] },
      result: examples.faults,
    },
  },
  net_ban: {
    summary: 'Closes the link to a peer and refuses it for a while.',
    listener: 'admin',
    idempotent: true,
    params: c.ban,
    result: s.shape({ banned: Type.Literal(true) }),
    example: { params: { peer: '12D3KooWExample', seconds: 60 }, result: { banned: true } },
  },
  net_unban: {
    summary: 'Ends a ban; false when there was none.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ peer: Type.String({ minLength: 1, maxLength: 128 }) }),
    result: s.shape({ unbanned: Type.Boolean() }),
    example: { params: { peer: '12D3KooWExample' }, result: { unbanned: true } },
  },
  node_status: {
    summary: 'What a status screen shows of this node.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({}),
    result: c.nodeStatus,
    example: { params: {}, result: examples.nodeStatus },
  },
} as const;
