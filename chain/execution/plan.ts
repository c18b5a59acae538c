import type { SignatureItem } from '../../native/index.ts';
import type { AnchorLeaf } from '../../receipt/index.ts';
import type { Refusal } from '../errors.ts';
import type {
  Account,
  AnchoredLog,
  ChainParameters,
  Cluster,
  Transaction,
  TransactionBody,
} from '../types.ts';

/** The state as execution reads it: synchronous, because everything a block touches was fetched before (access.ts). */
export interface StateView {
  /** (0, 0) for one that was never used (X4). */
  account(key: Uint8Array): Account;
  cluster(name: string): Cluster | undefined;
  log(origin: string): AnchoredLog | undefined;
}

/** Whether a signature is valid, strictly (C5). A function of its argument; an implementation may know the answer already. */
export type SignatureCheck = (item: SignatureItem) => boolean;

/** What a transaction sees of its block besides the state: nothing else may sway it (X13). */
export interface BlockContext {
  /** Network id (I3). */
  readonly network: string;
  readonly height: number;
  /** 32 bytes: account of the block's proposer, which gets the fees (X3). */
  readonly feeAccount: Uint8Array;
  readonly parameters: Pick<ChainParameters, 'feeBase' | 'feePerByte'>;
  readonly isValid: SignatureCheck;
}

export interface Move {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly amount: bigint;
}

/** What a transaction of some kind will do, apart from nonce and fee. Nothing is written before all of it is known to hold. */
export interface Plan {
  readonly ok: true;
  /** Whose account the fee is taken from (X3). */
  readonly payer: Uint8Array;
  readonly moves?: readonly Move[];
  readonly cluster?: Cluster;
  readonly log?: AnchoredLog;
  /** An anchor that executes, as the tree `anchors` will hold it (X10). */
  readonly anchor?: AnchorLeaf;
}

export type BodyOf<Kind extends TransactionBody['kind']> = Extract<TransactionBody, { kind: Kind }>;

/** A transaction whose body is of one kind. */
export type TransactionOf<Kind extends TransactionBody['kind']> = Transaction & {
  readonly body: BodyOf<Kind>;
};

/** Decides what a transaction of one kind does, or which rule it breaks. Pure. */
export type Planner<Kind extends TransactionBody['kind']> = (
  transaction: TransactionOf<Kind>,
  state: StateView,
  context: BlockContext,
) => Plan | Refusal;
