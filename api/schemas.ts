// SPDX-License-Identifier: Apache-2.0
/**
 * Shapes that several RPC methods share, as JSON Schema (rpc.md R2): unknown fields are refused, 64-bit integers are
 * decimal strings, bytes are lower-case hex. Types of the wire forms follow from the schemas.
 */
import Type, { type Static, type TProperties } from 'typebox';

/** Most submissions of one `notary_submitBatch` (R4). */
export const SUBMISSIONS_MAX = 1_000;
/** Most records of one `notary_search` answer. */
export const SEARCH_LIMIT_MAX = 1_000;
/** Longest a caller may ask the node to wait. */
export const TIMEOUT_MS_MAX = 600_000;
/** Bytes of UTF-8 of a submitter or an idempotency key (batch.md B1 has one length byte; the notary allows 64). */
export const NAME_BYTES_MAX = 64;

const closed = { additionalProperties: false } as const;

/** An object that refuses what it does not know. */
export function shape<P extends TProperties>(properties: P, description?: string) {
  return Type.Object(properties, description === undefined ? closed : { ...closed, description });
}

export const decimal = (description: string) =>
  Type.String({ pattern: '^(0|[1-9][0-9]{0,19})$', description });

export const algorithm = Type.Enum(['sha256', 'sha512', 'blake3'], {
  description: 'Hash that made the digest (record.md L4).',
});

export const treeAlgorithm = Type.Enum(['blake3', 'sha256'], {
  description: 'Which Merkle tree of the log; `blake3` unless said otherwise.',
});

export const digest = Type.String({
  pattern: '^(?:[0-9a-f]{64}|[0-9a-f]{128})$',
  description: 'Digest in lower-case hex: 64 characters, 128 for sha512.',
});

export const origin = Type.String({
  minLength: 1,
  maxLength: 255,
  description: 'Origin of a log partition (identity.md I4).',
});

export const id = decimal('Scarab id (scarab.md S1).');

export const submitter = Type.String({
  maxLength: NAME_BYTES_MAX,
  description:
    'Scope of idempotency (notary.md N1); absent or empty = anonymous. At most 64 bytes of UTF-8.',
});

export const idempotencyKey = Type.String({
  minLength: 1,
  maxLength: NAME_BYTES_MAX,
  description:
    'Same key and digest: the same record. Same key, other digest: a conflict. At most 64 bytes of UTF-8.',
});

export const waitFor = Type.Enum(['durable', 'checkpoint'], {
  description:
    'Answer when the record is on disk (`durable`, the default; a log that does not sync for every answer says `accepted`) or signed (`checkpoint`).',
});

export const waitForLevel = Type.Enum(['durable', 'checkpoint', 'final'], {
  description:
    'Answer with what there is (`durable`, the default), once it is signed (`checkpoint`), or once its anchor is final on the chain (`final`).',
});

export const timeoutMs = Type.Integer({
  minimum: 1,
  maximum: TIMEOUT_MS_MAX,
  description: 'Milliseconds to wait before the answer is `notary/outcome-unknown`.',
});

/** Of calls that read what is applied at the node that is asked (R14). */
export const reading = {
  read: Type.Optional(
    Type.Enum(['local', 'linearizable'], {
      description:
        '`local` (default): what this node has. `linearizable`: nothing is missing that was acknowledged, anywhere, before the call; its leader confirms that.',
    }),
  ),
  maxStalenessMs: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: TIMEOUT_MS_MAX,
      description:
        'Nothing is missing that was acknowledged, anywhere, longer ago than this; else `consensus/too-stale` names who to ask.',
    }),
  ),
};

export const stalenessMs = Type.Optional(
  Type.Integer({
    minimum: 0,
    description:
      'With `maxStalenessMs`: nothing is missing that was acknowledged longer ago than this.',
  }),
);

export const level = Type.Enum(['accepted', 'durable', 'checkpoint', 'witnessed', 'final'], {
  description:
    'How far the record has come (receipt.md). `accepted` is no promise: a crash of the node may lose the record (notary.md N11).',
});

const hash = (description: string) => Type.String({ pattern: '^[0-9a-f]{64}$', description });

export const receipt = Type.Object(
  {
    pyralog: Type.Literal('receipt'),
    version: Type.Integer({ minimum: 1 }),
    origin,
    record: shape({
      timestamp: decimal('Unix milliseconds claimed by the log.'),
      scarabId: id,
      offset: decimal('Index of the leaf in its partition.'),
      epoch: Type.Integer({ minimum: 1 }),
      schemaId: Type.Integer({ minimum: 0 }),
      keyHash: Type.Optional(hash('BLAKE3 of the key.')),
      algorithm,
      digest,
      headersHash: Type.Optional(hash('BLAKE3 of the headers.')),
    }),
    inclusion: Type.Optional(
      shape({
        size: decimal('Records under the root.'),
        path: Type.Array(Type.String(), { maxItems: 64 }),
      }),
    ),
    checkpoint: Type.Optional(
      Type.Array(Type.String(), { description: 'Lines of the signed note.' }),
    ),
    finality: Type.Optional(Type.Array(Type.Unknown())),
  },
  { ...closed, description: 'A receipt in its JSON form (receipt.md V2).' },
);

const submissionFields = {
  id,
  origin,
  level,
  duplicate: Type.Boolean({ description: 'The record was there already (N1).' }),
  epoch: Type.Integer({ minimum: 0, description: 'Raft term that activated the record.' }),
  offset: decimal('Index of the record in its log.'),
  timestamp: decimal('Unix milliseconds claimed by the log.'),
};

export const submission = shape(
  { ...submissionFields, receipt: Type.Optional(receipt) },
  'One answered submission; `receipt` is there when the call waited for `checkpoint`.',
);

export const errorObject = Type.Object(
  {
    code: Type.Integer(),
    message: Type.String(),
    data: Type.Object({
      reason: Type.String({
        description: 'The error code, such as `notary/idempotency-conflict`.',
      }),
      retryable: Type.Boolean(),
      retryAfterMs: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  { description: 'A JSON-RPC error object (R3).' },
);

const statusFields = {
  id,
  origin,
  level,
  offset: submissionFields.offset,
  epoch: submissionFields.epoch,
  timestamp: submissionFields.timestamp,
  algorithm,
  digest,
};

export const status = shape(statusFields, 'What the log holds under an id.');

export const readStatus = shape(
  { ...statusFields, stalenessMs },
  'What the log holds under an id.',
);

export const logInfo = shape(
  {
    origin,
    partition: Type.Integer({ minimum: 0 }),
    size: decimal('Durable records.'),
    firstOffset: decimal(
      'First record that is kept; those before were removed by retention (Y15).',
    ),
    checkpoint: Type.Optional(
      shape({
        size: decimal('Records the checkpoint covers.'),
        note: Type.String({ description: 'Signed note (checkpoint.md).' }),
        sha256Note: Type.Optional(Type.String({ description: "The SHA-256 tree's note (C8)." })),
      }),
    ),
    dedupWindowMs: decimal('Idempotency window in log time (N3).'),
    dedupRecords: decimal('Idempotency window in records (N3).'),
    durability: Type.Enum(['sync', 'interval', 'memory'], {
      description:
        'What its answers stand for: `sync` answers `durable`, the others `accepted`: a crash may lose the newest records (N11).',
    }),
    ackPolicy: Type.Enum(['majority', 'all']),
    replicas: Type.Integer({ minimum: 1 }),
  },
  'One log partition.',
);

export const policy = shape(
  {
    scope: Type.String(),
    keys: Type.Array(Type.String({ description: 'Verification key (C3).' })),
    threshold: Type.Integer({ minimum: 1 }),
    faults: Type.Integer({ minimum: 0 }),
  },
  'A policy as a trust store writes it (trust.md T1).',
);

export const path = shape(
  {
    path: Type.Array(Type.String({ description: 'Hash, standard base64.' }), {
      description: 'Leaf side first (M4).',
    }),
  },
  'A Merkle path.',
);

export type SubmissionWire = Static<typeof submission>;
export type StatusWire = Static<typeof status>;
export type LogInfoWire = Static<typeof logInfo>;
