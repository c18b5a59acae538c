// SPDX-License-Identifier: Apache-2.0
/** Methods about the cluster that a node is a member of: for its operator on the admin listener (rpc.md R7), its map for all. */
import Type from 'typebox';
import { origin } from './examples.ts';
import * as s from './schemas.ts';

const name = Type.String({ minLength: 1, maxLength: 64, description: 'Name of a member (I4).' });
const problem = Type.Optional(
  Type.String({ description: 'Why it is not well; absent when it is.' }),
);

const partition = s.shape({
  partition: Type.Integer({ minimum: 0 }),
  origin: s.origin,
  leads: Type.Boolean({ description: 'This node leads it.' }),
  leader: Type.Optional(name),
  epoch: s.decimal('Term of its group (RF1).'),
  commit: s.decimal('Log index up to which it is committed, as far as is known here.'),
  applied: s.decimal('Log index up to which it is applied here.'),
  last: s.decimal('Newest log index here.'),
  size: s.decimal('Records that are durable and applied here.'),
  replicas: Type.Array(
    s.shape({ node: name, index: s.decimal('Newest log index that it is known to have on disk.') }),
    { description: 'Told by a leader.' },
  ),
  voters: Type.Array(name, { description: 'Who votes in its group.' }),
  learners: Type.Array(name, { description: 'Who gets its entries only.' }),
  problem,
});

const status = Type.String({ description: 'joining, active, draining or dead (GR4).' });

const member = s.shape({
  node: name,
  number: Type.Integer({ minimum: 1, maximum: 1_023 }),
  self: Type.Boolean({ description: 'The node that answers.' }),
  up: Type.Boolean({ description: 'It is this node, or the link to it is up.' }),
  status: Type.Optional(status),
  address: Type.Optional(Type.String({ description: 'Where it listens for the others.' })),
  rpc: Type.Optional(Type.String({ description: 'Where clients reach it.' })),
  problem,
});

const label = Type.String({ maxLength: 255 });

const example = {
  cluster: 'org-0',
  partitions: [
    {
      partition: 0,
      origin,
      leads: true,
      leader: 'node-0',
      epoch: '3',
      commit: '17',
      applied: '17',
      last: '17',
      size: '1200',
      replicas: [
        { node: 'node-0', index: '17' },
        { node: 'node-1', index: '17' },
      ],
      voters: ['node-0', 'node-1'],
      learners: [],
    },
  ],
  members: [
    {
      node: 'node-0',
      number: 1,
      self: true,
      up: true,
      status: 'active',
      address: '10.0.0.1:7080',
    },
    {
      node: 'node-1',
      number: 2,
      self: false,
      up: true,
      status: 'active',
      address: '10.0.0.2:7080',
    },
  ],
  agreed: { leader: 'node-1', index: '12', voters: 3 },
} as const;

export const clusterMethods = {
  cluster_map: {
    summary: 'Who leads each log and where the members answer, as this member knows it: hints.',
    listener: 'public',
    idempotent: true,
    params: s.shape({}),
    result: s.shape({
      cluster: Type.String({ description: 'Its name (I4).' }),
      partitions: Type.Array(
        s.shape({
          partition: Type.Integer({ minimum: 0 }),
          origin: s.origin,
          epoch: s.decimal('Term of its group (RF1).'),
          leader: Type.Optional(name),
        }),
      ),
      members: Type.Array(
        s.shape({
          node: name,
          rpc: Type.Optional(
            Type.String({ description: 'Where its RPC is reached, if the members file says so.' }),
          ),
        }),
      ),
    }),
    example: {
      params: {},
      result: {
        cluster: 'org-0',
        partitions: [{ partition: 0, origin, epoch: '3', leader: 'node-0' }],
        members: [
          { node: 'node-0', rpc: 'http://10.0.0.1:7070' },
          { node: 'node-1', rpc: 'http://10.0.0.2:7070' },
        ],
      },
    },
  },
  cluster_status: {
    summary: 'Groups and links of the cluster, as this member sees them, and why any is not well.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({}),
    result: s.shape({
      cluster: Type.String({ description: 'Its name (I4).' }),
      partitions: Type.Array(partition),
      members: Type.Array(member),
      stranger: Type.Optional(
        Type.String({ description: 'Why somebody who is no member was turned away of late.' }),
      ),
      agreed: Type.Optional(
        s.shape({
          leader: Type.Optional(name),
          index: s.decimal('Newest entry of the cluster group here.'),
          voters: Type.Integer({ description: 'Replicas that each partition should have.' }),
        }),
      ),
      problem,
    }),
    example: { params: {}, result: example },
  },
  cluster_transfer: {
    summary: 'Has a partition that this node leads handed over to another member.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ partition: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }), to: name }),
    result: s.shape({ begun: Type.Literal(true) }),
    example: { params: { partition: 0, to: 'node-1' }, result: { begun: true } },
  },
  cluster_add: {
    summary: 'Adds a node to the cluster; answers with the members file that it starts with.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({
      member: Type.Object(
        {},
        { description: 'As `pyralog cluster member --json` prints it (CG2).' },
      ),
      rpc: Type.Optional(label),
      zone: Type.Optional(label),
      rack: Type.Optional(label),
      weight: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
    }),
    result: s.shape({ file: Type.Object({}, { description: 'The members file (CG1, CG7).' }) }),
    example: { params: { member: {} }, result: { file: {} } },
  },
  cluster_drain: {
    summary: 'Has the replicas of a member move to others, or lets it have them again.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ node: name, undo: Type.Optional(Type.Boolean()) }),
    result: s.shape({ begun: Type.Literal(true) }),
    example: { params: { node: 'node-2' }, result: { begun: true } },
  },
  cluster_remove: {
    summary: 'Removes a member that keeps nothing any more, for ever.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ node: name }),
    result: s.shape({ removed: Type.Literal(true) }),
    example: { params: { node: 'node-2' }, result: { removed: true } },
  },
  cluster_replicate: {
    summary: 'Says how many replicas every partition should have, and how many of them may lie.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({
      voters: Type.Integer({ minimum: 1, maximum: 7 }),
      faults: Type.Optional(Type.Integer({ minimum: 0, maximum: 6 })),
    }),
    result: s.shape({ begun: Type.Literal(true) }),
    example: { params: { voters: 3 }, result: { begun: true } },
  },
  cluster_policies: {
    summary: 'What is to be pinned to believe each partition as it is kept now (T1).',
    listener: 'admin',
    idempotent: true,
    params: s.shape({}),
    result: s.shape({ policies: Type.Array(s.policy) }),
    example: { params: {}, result: { policies: [] } },
  },
} as const;
