import { PyralogError } from '../base/errors.ts';

/** What callers of consensus/ are expected to handle, beside the codes of storage/. */
export type ConsensusErrorCode =
  /** This node does not lead the partition; `hint` names who might. Nothing was proposed. */
  | 'consensus/not-leader'
  /** The wait ended after the proposal was on its way: it may or may not commit. `id` names it. Repeating is safe (N1). */
  | 'consensus/outcome-unknown'
  /** No leader confirms that what this member has is as new as the reader wants; `leader` and `rpc` say who to ask (rpc.md R14). */
  | 'consensus/too-stale'
  /** A checkpoint that this replica's own log does not have. Never signed. */
  | 'consensus/foreign-checkpoint'
  /** The log does not extend what this replica signed before: restored from a backup. It must go on under a new origin. */
  | 'consensus/log-rewound'
  /** Not a signed checkpoint of a known log. */
  | 'consensus/checkpoint-malformed'
  /** The chain refused an anchor; the anchor machine tries again. */
  | 'consensus/anchor-refused'
  /** The engine holds as many pending transactions as it may; retry. */
  | 'consensus/overloaded'
  /** A node with a vote key has no slashing protection: restore it, or `--new-validator` for a key that never signed (P26). */
  | 'consensus/protection-missing'
  /** There is one already; a new one would forget what was signed (P26). */
  | 'consensus/protection-exists'
  /** The slashing protection is of another key or network (P24). */
  | 'consensus/protection-foreign'
  /** A signature of this key was seen that the protection does not have: a second signer, or a backup (P26). */
  | 'consensus/protection-behind'
  /** A file of the engine is damaged where no crash damages it; nothing was cut (P21). */
  | 'consensus/log-damaged'
  /** The engine or replicator was stopped. */
  | 'consensus/stopped';

export type ConsensusError = PyralogError<ConsensusErrorCode>;

type Data = Record<string, string | number | bigint>;

/** One constructor, so that every code is written down in the union above. */
export function consensusError(
  code: ConsensusErrorCode,
  message: string,
  detail: { readonly data?: Data; readonly cause?: unknown } = {},
): ConsensusError {
  return new PyralogError(code, message, detail);
}
