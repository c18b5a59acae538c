// SPDX-License-Identifier: Apache-2.0
/** Methods of the notary: from a digest to a receipt (notary.md). */
import Type from 'typebox';
import * as examples from './examples.ts';
import * as s from './schemas.ts';
import { FINAL_IDS_MAX } from './schemas-chain.ts';

const wait = { waitFor: Type.Optional(s.waitFor), timeoutMs: Type.Optional(s.timeoutMs) };
const waitLevel = {
  waitFor: Type.Optional(s.waitForLevel),
  timeoutMs: Type.Optional(s.timeoutMs),
};

export const notaryMethods = {
  notary_submit: {
    summary: 'Notarizes one digest.',
    listener: 'public',
    idempotent: true,
    params: s.shape({
      algorithm: s.algorithm,
      digest: s.digest,
      submitter: Type.Optional(s.submitter),
      idempotencyKey: Type.Optional(s.idempotencyKey),
      ...wait,
    }),
    result: s.submission,
    example: { params: examples.digestParams, result: examples.submission },
  },
  notary_submitBatch: {
    summary: 'Notarizes up to 1,000 digests; each gets its own outcome.',
    listener: 'public',
    idempotent: true,
    params: s.shape({
      submissions: Type.Array(
        s.shape({
          algorithm: s.algorithm,
          digest: s.digest,
          idempotencyKey: Type.Optional(s.idempotencyKey),
        }),
        { minItems: 1, maxItems: s.SUBMISSIONS_MAX },
      ),
      submitter: Type.Optional(s.submitter),
      ...wait,
    }),
    result: s.shape({
      results: Type.Array(Type.Union([s.submission, s.shape({ error: s.errorObject })])),
    }),
    example: {
      params: { submissions: [examples.digestParams] },
      result: { results: [examples.submission] },
    },
  },
  notary_status: {
    summary: 'What the log holds under an id; `notary/not-found` if nothing.',
    listener: 'public',
    idempotent: true,
    params: s.shape({ id: s.id, ...s.reading }),
    result: s.readStatus,
    example: { params: { id: examples.submission.id }, result: examples.status },
  },
  notary_receipt: {
    summary:
      'The best receipt there is for an id; with `waitFor` it waits for the signature or the final anchor.',
    listener: 'public',
    idempotent: true,
    params: s.shape({ id: s.id, ...waitLevel, ...s.reading }),
    result: s.receipt,
    example: { params: { id: examples.submission.id }, result: examples.receipt },
  },
  notary_upgradeReceipt: {
    summary: 'The same receipt at the best level there is; with `waitFor` once it has that level.',
    listener: 'public',
    idempotent: true,
    params: s.shape({ receipt: s.receipt, ...waitLevel }),
    result: s.receipt,
    example: { params: { receipt: examples.receipt }, result: examples.receipt },
  },
  notary_search: {
    summary: 'Records with this digest, oldest first.',
    listener: 'public',
    idempotent: true,
    params: s.shape({
      algorithm: s.algorithm,
      digest: s.digest,
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: s.SEARCH_LIMIT_MAX, description: 'Default 100.' }),
      ),
      ...s.reading,
    }),
    result: s.shape({ records: Type.Array(s.status), stalenessMs: s.stalenessMs }),
    example: { params: examples.digestParams, result: { records: [examples.status] } },
  },
  notary_since: {
    summary: 'Records of a log from a time on, oldest first.',
    listener: 'public',
    idempotent: true,
    params: s.shape({
      origin: s.origin,
      time: s.decimal('Unix milliseconds; the first record is the first at or after it.'),
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: s.SEARCH_LIMIT_MAX, description: 'Default 100.' }),
      ),
      ...s.reading,
    }),
    result: s.shape({ records: Type.Array(s.status), stalenessMs: s.stalenessMs }),
    example: {
      params: { origin: examples.origin, time: '1790000000000' },
      result: { records: [examples.status] },
    },
  },
  notary_verify: {
    summary: "The node's own check against its own keys: a convenience, never evidence.",
    listener: 'public',
    idempotent: true,
    params: s.shape({ receipt: s.receipt, digest: Type.Optional(s.digest) }),
    result: s.shape({
      verified: Type.Boolean(),
      reason: Type.Optional(
        Type.String({ description: 'Refusal code, such as `receipt/wrong-data`.' }),
      ),
      message: Type.Optional(Type.String()),
      level: Type.Optional(s.level),
      origin: Type.Optional(s.origin),
      claimedTime: Type.Optional(
        s.decimal('Unix milliseconds claimed by the log: it existed no later.'),
      ),
      noLaterThan: Type.Optional(
        s.decimal('T2 of a final receipt, Unix milliseconds (finality.md F6).'),
      ),
      height: Type.Optional(s.decimal('Block that holds its anchor.')),
      threshold: Type.Optional(Type.Integer()),
      keys: Type.Optional(Type.Integer()),
      coversLiars: Type.Optional(Type.Boolean()),
      signers: Type.Optional(
        Type.Array(
          s.shape({ name: Type.String(), keyId: Type.String(), time: s.decimal('Unix seconds.') }),
        ),
      ),
    }),
    example: {
      params: { receipt: examples.receipt },
      result: { verified: false, reason: 'receipt/not-signed', message: 'not yet signed' },
    },
  },
  notary_info: {
    summary: 'Network, logs, and the keys and policies the node itself goes by.',
    listener: 'public',
    idempotent: true,
    params: s.shape({}),
    result: s.shape({
      networkId: Type.String(),
      version: Type.String(),
      logs: Type.Array(s.logInfo),
      policies: Type.Array(s.policy),
    }),
    example: {
      params: {},
      result: {
        networkId: 'devnet-00112233aabbccdd',
        version: '0.1.0',
        logs: [examples.logInfo],
        policies: [],
      },
    },
  },
  notary_subscribe: {
    summary: 'Sends the newest checkpoint of a log and every newer one as `notary_subscription`.',
    listener: 'websocket',
    idempotent: false,
    params: s.shape({ topic: Type.Literal('checkpoints'), origin: s.origin }),
    result: Type.String({ description: 'Subscription id.' }),
    example: { params: { topic: 'checkpoints', origin: examples.origin }, result: '1' },
  },
  notary_subscribeFinal: {
    summary: 'Sends the receipt of each id as `notary_subscription` once it is final, then ends.',
    listener: 'websocket',
    idempotent: false,
    params: s.shape({ ids: Type.Array(s.id, { minItems: 1, maxItems: FINAL_IDS_MAX }) }),
    result: Type.String({ description: 'Subscription id.' }),
    example: { params: { ids: [examples.submission.id] }, result: '1' },
  },
  notary_unsubscribe: {
    summary: 'Ends a subscription of any kind; false when there is none of that id.',
    listener: 'websocket',
    idempotent: false,
    params: s.shape({ subscription: Type.String({ maxLength: 32 }) }),
    result: Type.Boolean(),
    example: { params: { subscription: '1' }, result: true },
  },
} as const;
