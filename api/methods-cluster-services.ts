// SPDX-License-Identifier: Apache-2.0
/** What the cluster does for applications: locks, coordinator numbers, consumer groups; on the admin listener (rpc.md R7). */
import Type from 'typebox';
import * as s from './schemas.ts';

const name = (description: string) => Type.String({ minLength: 1, maxLength: 128, description });
const lock = name('Name of a lock.');
const group = name('Name of a consumer group.');
const consumer = name('Name of a member of the group.');
const ttlMs = Type.Integer({
  minimum: 100,
  maximum: 86_400_000,
  description: 'How long, unless it is renewed.',
});
const time = Type.Integer({
  minimum: 0,
  description: 'Unix milliseconds, by the time of the cluster (GR12).',
});
const fence = s.decimal('Greater than every one given out before (GR11).');
const partition = Type.Integer({ minimum: 0, maximum: 65_535 });
const number = Type.Integer({ minimum: 1, maximum: 1_023 });

const held = s.shape({
  held: Type.Boolean({ description: 'The caller has it; else `before` others come first.' }),
  fence: Type.Optional(fence),
  expiresMs: Type.Optional(time),
  before: Type.Optional(Type.Integer({ minimum: 0 })),
});
const coordinator = s.shape({
  number,
  fence,
  fromMs: Type.Integer({
    minimum: 0,
    description: 'Earliest time for ids with this number (GR13).',
  }),
  expiresMs: time,
});
const reading = s.shape({
  generation: s.decimal('Of the group (GR16).'),
  assigned: Type.Array(partition, { description: 'Partitions that the consumer reads.' }),
  revoked: Type.Array(partition, {
    description: 'Those of them to let go of, once how far they are is committed.',
  }),
  expiresMs: time,
});

const heldExample = { held: true, fence: '7', expiresMs: 1_790_000_030_000 } as const;
const coordinatorExample = {
  number: 1_023,
  fence: '8',
  fromMs: 1_790_000_000_000,
  expiresMs: 1_790_000_030_000,
} as const;
const readingExample = {
  generation: '2',
  assigned: [0],
  revoked: [],
  expiresMs: 1_790_000_030_000,
};

export const clusterServiceMethods = {
  cluster_lockAcquire: {
    summary: 'Takes a lock, or a place in its queue; asking again tells whether it came.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({
      lock,
      owner: name('Who asks.'),
      ttlMs,
      wait: Type.Optional(Type.Boolean({ description: 'Queue when somebody has it.' })),
    }),
    result: held,
    example: { params: { lock: 'sweep', owner: 'job-1', ttlMs: 30_000 }, result: heldExample },
  },
  cluster_lockRenew: {
    summary: 'Keeps a lock for longer.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ lock, fence, ttlMs }),
    result: held,
    example: { params: { lock: 'sweep', fence: '7', ttlMs: 30_000 }, result: heldExample },
  },
  cluster_lockRelease: {
    summary: 'Gives a lock back.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ lock, fence }),
    result: s.shape({ released: Type.Literal(true) }),
    example: { params: { lock: 'sweep', fence: '7' }, result: { released: true } },
  },
  cluster_coordinatorAssign: {
    summary: 'A coordinator number for ids that nobody else has meanwhile (scarab.md S7).',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ holder: name('Who asks.'), ttlMs }),
    result: coordinator,
    example: { params: { holder: 'importer', ttlMs: 30_000 }, result: coordinatorExample },
  },
  cluster_coordinatorRenew: {
    summary: 'Keeps a coordinator number for longer.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ number, fence, ttlMs }),
    result: coordinator,
    example: { params: { number: 1_023, fence: '8', ttlMs: 30_000 }, result: coordinatorExample },
  },
  cluster_coordinatorRelease: {
    summary: 'Gives a coordinator number back.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ number, fence }),
    result: s.shape({ released: Type.Literal(true) }),
    example: { params: { number: 1_023, fence: '8' }, result: { released: true } },
  },
  cluster_consumerJoin: {
    summary: 'Joins a consumer group, which reads some logs together (GR15).',
    listener: 'admin',
    idempotent: true,
    params: s.shape({
      group,
      consumer,
      logs: Type.Array(name('Name of a log.'), { minItems: 1, maxItems: 64 }),
      strategy: Type.Optional(Type.Enum(['range', 'cooperative-sticky'])),
      ttlMs,
    }),
    result: reading,
    example: {
      params: { group: 'mail', consumer: 'a', logs: ['notary'], ttlMs: 30_000 },
      result: readingExample,
    },
  },
  cluster_consumerHeartbeat: {
    summary: 'Says that a consumer is there, and what it let go of; answers what it reads.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ group, consumer, released: Type.Optional(Type.Array(partition)) }),
    result: reading,
    example: { params: { group: 'mail', consumer: 'a' }, result: readingExample },
  },
  cluster_consumerCommit: {
    summary: 'Says how far a consumer is: offsets of the next records to read.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({
      group,
      consumer,
      generation: s.decimal('As it was told (GR16).'),
      offsets: Type.Array(s.shape({ partition, offset: s.decimal('Of the next record.') }), {
        minItems: 1,
        maxItems: 1_024,
      }),
    }),
    result: s.shape({ committed: Type.Literal(true) }),
    example: {
      params: {
        group: 'mail',
        consumer: 'a',
        generation: '2',
        offsets: [{ partition: 0, offset: '120' }],
      },
      result: { committed: true },
    },
  },
  cluster_consumerLeave: {
    summary: 'Leaves a consumer group; others read on where it was.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ group, consumer }),
    result: s.shape({ left: Type.Literal(true) }),
    example: { params: { group: 'mail', consumer: 'a' }, result: { left: true } },
  },
  cluster_consumers: {
    summary: 'Consumer groups, who reads what, and how far they are behind.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({}),
    result: s.shape({
      groups: Type.Array(
        s.shape({
          group,
          logs: Type.Array(Type.String()),
          generation: s.decimal('Of the group.'),
          consumers: Type.Array(s.shape({ name: consumer, held: Type.Array(partition) })),
          partitions: Type.Array(
            s.shape({
              partition,
              offset: s.decimal('Of the next record to read.'),
              backlog: Type.Optional(s.decimal('Records behind it, where the node keeps them.')),
            }),
          ),
        }),
      ),
    }),
    example: { params: {}, result: { groups: [] } },
  },
} as const;
