// SPDX-License-Identifier: Apache-2.0
/** Methods of the logs and of the network: proofs and checkpoints for anyone who audits (merkle.md, checkpoint.md). */
import Type from 'typebox';
import * as examples from './examples.ts';
import * as s from './schemas.ts';

const tree = { algorithm: Type.Optional(s.treeAlgorithm) };

export const logMethods = {
  log_info: {
    summary: 'The logs of this node, or the one named.',
    listener: 'public',
    idempotent: true,
    params: s.shape({ origin: Type.Optional(s.origin), ...s.reading }),
    result: s.shape({ logs: Type.Array(s.logInfo), stalenessMs: s.stalenessMs }),
    example: { params: {}, result: { logs: [examples.logInfo] } },
  },
  log_inclusionProof: {
    summary: 'Path from a record to the root of the first `size` records.',
    listener: 'public',
    idempotent: true,
    params: s.shape({
      origin: s.origin,
      index: s.decimal('Offset of the record.'),
      size: s.decimal('Records under the root; at least `index` + 1.'),
      ...tree,
    }),
    result: s.path,
    example: {
      params: { origin: examples.origin, index: '0', size: '1' },
      result: { path: [] },
    },
  },
  log_consistencyProof: {
    summary: 'Proof that the first `from` of `to` records are what they were.',
    listener: 'public',
    idempotent: true,
    params: s.shape({
      origin: s.origin,
      from: s.decimal('Older size.'),
      to: s.decimal('Newer size.'),
      ...tree,
    }),
    result: s.path,
    example: { params: { origin: examples.origin, from: '0', to: '1' }, result: { path: [] } },
  },
  log_checkpoint: {
    summary: 'Newest signed note of a log; `notary/no-checkpoint` before the first.',
    listener: 'public',
    idempotent: true,
    params: s.shape({ origin: s.origin, ...tree }),
    result: s.shape({ size: s.decimal('Records it covers.'), note: Type.String() }),
    example: {
      params: { origin: examples.origin },
      result: { size: '1', note: examples.note },
    },
  },
  net_version: {
    summary: 'Network id (identity.md I3).',
    listener: 'public',
    idempotent: true,
    params: s.shape({}),
    result: Type.String(),
    example: { params: {}, result: 'devnet-00112233aabbccdd' },
  },
  'rpc.discover': {
    summary: 'This document: OpenRPC 1.3.',
    listener: 'public',
    idempotent: true,
    params: s.shape({}),
    result: Type.Object({ openrpc: Type.String() }, { additionalProperties: true }),
    example: { params: {}, result: { openrpc: '1.3.2' } },
  },
} as const;
