/**
 * From every error code of the system to what a caller is told: a JSON-RPC number, whether to come back, and when
 * (rpc.md R3). The table is total by its type; a test holds it equal to the lists of the areas.
 *
 * Numbers: −32700 … −32600 are JSON-RPC's own, −32000 … −32019 rpc and the threads of the node, −32020 … −32029 notary, −32030 … −32039 consensus, −32040 … −32049 log and records,
 * −32050 … −32059 storage and batches, −32060 … −32079 chain and its agreement,
 * −32080 … −32089 net, −32090 … −32099 objects and schemas. They never change meaning; `data.reason` is what programs should look at.
 */
import {
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  type RpcErrorObject,
} from '../api/index.ts';
import { PyralogError } from '../base/errors.ts';
import type { ChainErrorCode } from '../chain/index.ts';
import type { ConsensusErrorCode } from '../consensus/index.ts';
import type { NetErrorCode } from '../net/index.ts';
import type { NotaryErrorCode } from '../notary/index.ts';
import { REFUSAL_CODES, type RefusalCode } from '../receipt/index.ts';
import type {
  ObjectErrorCode,
  RecordErrorCode,
  SchemaErrorCode,
  StorageErrorCode,
} from '../storage/index.ts';

/** Codes that the RPC server itself raises. */
export type RpcErrorCode =
  /** Not JSON, or not UTF-8. */
  | 'rpc/parse-error'
  /** JSON, but no JSON-RPC 2.0 request; also an empty or over-long batch. */
  | 'rpc/invalid-request'
  /** No such method on this listener. */
  | 'rpc/method-not-found'
  /** The params do not fit the method's schema. */
  | 'rpc/invalid-params'
  /** A bug, or trouble the caller can do nothing about; the node's log has the cause. */
  | 'rpc/internal'
  /** Too many calls in flight on this connection. */
  | 'rpc/too-busy'
  /** More calls a second than this address may make. */
  | 'rpc/rate-limited'
  /** The node is draining. */
  | 'rpc/shutting-down'
  /** The answer would be longer than an answer may be. */
  | 'rpc/answer-too-large'
  /** The body is longer than a body may be. */
  | 'rpc/body-too-large'
  | 'rpc/too-many-subscriptions'
  /** The method needs a connection that stays open. */
  | 'rpc/websocket-only'
  /** Missing or wrong token. */
  | 'rpc/unauthorized'
  /** `Host` or `Origin` is not on its list. */
  | 'rpc/forbidden'
  /** The body is not `application/json`. */
  | 'rpc/unsupported-media-type'
  /** A binary message that is no frame. */
  | 'rpc/bad-frame'
  /** The address cannot be listened on. */
  | 'rpc/listen'
  /** Too many transactions wait to be taken; none of these was. */
  | 'rpc/overloaded'
  /** The node's main thread did not answer in time. */
  | 'rpc/timed-out'
  /** The chain has no such block, transaction, cluster, log or anchor. */
  | 'chain/not-found'
  /** More calls wait between the node's threads than it allows. */
  | 'node/busy'
  /** The node's main thread is stopping. */
  | 'node/stopped'
  /** Faults on purpose at a node that is not set up for them. */
  | 'node/no-faults'
  /** A lone node was asked about its cluster. */
  | 'node/no-cluster'
  /** No checkpoint of that log has been signed yet. */
  | 'notary/no-checkpoint';

export type KnownErrorCode =
  | RpcErrorCode
  | NotaryErrorCode
  | ChainErrorCode
  | ConsensusErrorCode
  | NetErrorCode
  | StorageErrorCode
  | ObjectErrorCode
  | SchemaErrorCode
  | RecordErrorCode
  | RefusalCode;

interface Told {
  readonly number: number;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  /** Said instead of the error's own message, which may name paths of the node. */
  readonly message?: string;
  /** The message sends the caller to the node's operator, who has to find the cause in its log. */
  readonly forOperator?: true;
}

const no = (number: number, message?: string): Told =>
  message === undefined ? { number, retryable: false } : { number, retryable: false, message };

const later = (number: number, retryAfterMs: number, message?: string): Told => ({
  ...no(number, message),
  retryable: true,
  retryAfterMs,
});

const operator = 'ask its operator; its log has the cause';

/** What only the node's operator can mend. */
const operators = (number: number, what: string): Told => ({
  ...no(number, `${what}: ${operator}`),
  forOperator: true,
});

const told: Readonly<Record<Exclude<KnownErrorCode, RefusalCode>, Told>> = {
  'rpc/parse-error': no(PARSE_ERROR),
  'rpc/invalid-request': no(INVALID_REQUEST),
  'rpc/method-not-found': no(METHOD_NOT_FOUND),
  'rpc/invalid-params': no(INVALID_PARAMS),
  'rpc/internal': operators(INTERNAL_ERROR, 'the node failed to answer'),
  'rpc/too-busy': later(-32000, 50),
  'rpc/rate-limited': later(-32001, 1_000),
  'rpc/shutting-down': later(-32002, 1_000),
  'rpc/answer-too-large': no(-32003),
  'rpc/body-too-large': no(-32004),
  'rpc/too-many-subscriptions': no(-32005),
  'rpc/websocket-only': no(-32006),
  'rpc/unauthorized': no(-32007),
  'rpc/forbidden': no(-32008),
  'rpc/unsupported-media-type': no(-32009),
  'rpc/bad-frame': no(-32010),
  'rpc/listen': no(-32011),
  'rpc/overloaded': later(-32012, 100),
  'rpc/timed-out': later(-32013, 100),

  'node/busy': later(-32014, 100),
  'node/stopped': later(-32015, 1_000, 'the node is stopping: try again, or another node'),
  'node/no-faults': no(-32016),
  'node/no-cluster': no(-32017),

  'notary/idempotency-conflict': no(-32020),
  'notary/outcome-unknown': later(-32021, 100),
  'notary/not-found': no(-32022),
  'notary/unknown-log': no(-32023),
  'notary/no-checkpoint': later(-32024, 100),
  'notary/overloaded': later(-32025, 50),
  'notary/not-anchored': no(-32026),
  'notary/invalid-submission': no(INVALID_PARAMS),

  'consensus/not-leader': later(-32030, 100),
  'consensus/too-stale': later(-32075, 100),
  'consensus/outcome-unknown': later(-32031, 100),
  'consensus/overloaded': later(-32032, 50),
  'consensus/stopped': later(-32033, 1_000, 'the node is stopping: try again, or another node'),
  'consensus/foreign-checkpoint': operators(-32034, 'the node will not sign that'),
  'consensus/log-rewound': operators(-32035, "the node's log is older than what it signed"),
  'consensus/checkpoint-malformed': no(-32036),
  'consensus/anchor-refused': later(-32037, 5_000),
  'consensus/protection-missing': operators(-32038, 'the node may not sign'),
  'consensus/protection-exists': operators(-32039, 'the node signed before'),
  'consensus/protection-foreign': operators(
    -32072,
    "the node's files are of another network or key",
  ),
  'consensus/protection-behind': operators(-32073, 'the node may not sign'),
  'consensus/log-damaged': operators(-32074, "the node's log of the agreement is damaged"),

  'chain/malformed': no(-32060),
  'chain/bad-signature': no(-32061),
  'chain/bad-nonce': no(-32062),
  'chain/insufficient-balance': no(-32063),
  'chain/fee-too-low': no(-32064),
  'chain/expired': no(-32065),
  'chain/refused': no(-32066),
  'chain/mempool-full': later(-32067, 1_000),
  'chain/no-chain': no(-32068),
  'chain/store-damaged': operators(-32069, "the node's chain is damaged"),
  'chain/stopped': later(-32070, 1_000, 'the node is stopping: try again, or another node'),
  'chain/not-found': no(-32071),

  'net/unreachable': later(-32080, 1_000),
  'net/closed': later(-32081, 1_000, 'the node is stopping: try again, or another node'),
  'net/too-big': no(-32082),
  'net/overloaded': later(-32083, 100),
  'net/refused': no(-32084),
  'net/bad-option': no(-32085),
  'net/address-taken': no(-32086),

  'log/overloaded': later(-32040, 50),
  'log/clock-behind': later(-32041, 1_000),
  'log/outcome-unknown': later(-32042, 100),
  'log/not-leader': later(-32048, 100),
  'log/group-stopped': no(-32049),
  'cluster/refused': no(-32100),
  'log/out-of-range': no(-32043),
  'log/closed': later(-32044, 1_000, 'the node is stopping: try again, or another node'),

  'record/malformed': no(INVALID_PARAMS),
  'record/too-long': no(-32045),
  'record/no-files': no(-32046),
  'record/closed': later(-32047, 1_000, 'the node is stopping: try again, or another node'),

  'object/missing': no(-32090),
  'object/corrupt': operators(-32091, 'the payload is damaged here'),
  'object/changed': no(-32092),
  'object/path': no(-32093),
  'object/format': no(INVALID_PARAMS),
  'object/malformed': no(-32094),
  'object/closed': later(-32095, 1_000, 'the node is stopping: try again, or another node'),
  'schema/malformed': no(INVALID_PARAMS),
  'schema/incompatible': no(-32096),
  'schema/misfit': no(-32097),
  'schema/unknown': no(-32098),
  'schema/closed': later(-32099, 1_000, 'the node is stopping: try again, or another node'),

  'storage/disk-full': later(
    -32050,
    5_000,
    'the node has no room left: nothing was written, try again later',
  ),
  'storage/read-only': operators(-32051, "the node's log is read-only"),
  'storage/poisoned': later(
    -32052,
    5_000,
    'a disk write failed: whether the record is kept is unknown until the node restarts; repeat it then',
  ),
  'storage/corrupt': operators(-32053, "the node's data are damaged there"),
  'storage/locked': operators(-32054, "the node's store is in use"),
  'storage/format': operators(-32055, "the node's store is of another version"),
  'storage/io': {
    ...later(-32056, 1_000, `the node's disk refused: try again, or ${operator}`),
    forOperator: true,
  },
  'storage/key-value-closed': later(
    -32058,
    1_000,
    'the node is stopping: try again, or another node',
  ),
  'batch/malformed': no(-32057),
};

const refusals: readonly string[] = REFUSAL_CODES;

/** Every code of {@link KnownErrorCode} that is not a refusal of receipt/; the test of totality reads it. */
export const toldCodes: readonly string[] = Object.keys(told);

function toldOf(code: string): Told | undefined {
  if (Object.hasOwn(told, code)) return told[code as keyof typeof told];
  return refusals.includes(code) ? no(INVALID_PARAMS) : undefined;
}

/**
 * What a caller is told of anything that was thrown. Undefined for what is no expected error: the caller of this
 * function logs it and answers `rpc/internal`.
 */
export function errorObjectOf(thrown: unknown): RpcErrorObject | undefined {
  if (!(thrown instanceof PyralogError)) return undefined;
  const how = toldOf(thrown.code);
  if (how === undefined) return undefined;
  return {
    code: how.number,
    message: how.message ?? thrown.message,
    data: {
      // Fields of errors with a message of their own may name paths, so they stay in the node's log.
      ...(how.message === undefined ? scalars(thrown.data) : {}),
      reason: thrown.code,
      retryable: how.retryable,
      ...retryAfter(how, thrown.data),
    },
  };
}

/** Whether the caller was told that the node's log has the cause: then it must. */
export function isForOperator({ data }: RpcErrorObject): boolean {
  return toldOf(data.reason)?.forOperator === true;
}

/** The answer to what nobody expected. */
export const internalError: RpcErrorObject = {
  code: INTERNAL_ERROR,
  message: told['rpc/internal'].message ?? 'internal error',
  data: { reason: 'rpc/internal', retryable: false },
};

/** An error of this server. */
export function rpcError(
  code: RpcErrorCode | NotaryErrorCode | ChainErrorCode | StorageErrorCode,
  message: string,
  data: Record<string, string | number | bigint> = {},
): PyralogError<KnownErrorCode> {
  return new PyralogError(code, message, { data });
}

/** An error's own `retryAfterMs` (such as the rate limit's) goes before the table's. */
function retryAfter(how: Told, data: Readonly<Record<string, unknown>>): { retryAfterMs?: number } {
  if (!how.retryable) return {};
  const own = data['retryAfterMs'];
  const retryAfterMs = typeof own === 'number' ? Math.ceil(own) : how.retryAfterMs;
  return retryAfterMs === undefined ? {} : { retryAfterMs };
}

function scalars(
  data: Readonly<Record<string, string | number | bigint>>,
): Record<string, string | number> {
  const wire: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(data)) {
    wire[name] = typeof value === 'bigint' ? value.toString() : value;
  }
  return wire;
}
