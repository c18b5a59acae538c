/** What the load generator of `consensus`, a process of its own, is asked and what it answers. */

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** Connects, makes its accounts and gives them money from the accounts of genesis. */
export interface OpenCommand {
  readonly kind: 'open';
  readonly nodes: readonly NodeAddress[];
  readonly networkId: string;
  /** Seeds of funded accounts, hex. */
  readonly funds: readonly string[];
  /** Accounts that send, spread over the nodes. */
  readonly lanes: number;
}

/** Signs ahead of a run, so that signing is none of its time. */
export interface SignCommand {
  readonly kind: 'sign';
  readonly transactions: number;
}

/** `json`: a call a transaction, answered when it is final. `packed`: frames (rpc.md R9), one transaction in some asked about. */
export type Via = 'json' | 'packed';

/** So many a second come, however the network answers. */
export interface RateCommand {
  readonly kind: 'rate';
  readonly via: Via;
  readonly perSecond: number;
  readonly ms: number;
  /** Transactions go to the nodes from this one on: those before it are somebody else's to load. */
  readonly firstNode: number;
}

/** Each account sends again as soon as what it sent is final: what the network can do. */
export interface LoopCommand {
  readonly kind: 'loop';
  readonly via: Via;
  /** Transactions an account sends at once. */
  readonly burst: number;
  readonly ms: number;
}

/** Submits digests and waits for their receipts to be final. */
export interface ReceiptsCommand {
  readonly kind: 'receipts';
  readonly clients: number;
  readonly ms: number;
}

export type Command = OpenCommand | SignCommand | RateCommand | LoopCommand | ReceiptsCommand;

/** A receipt that was said to be final, to be verified when no clock runs. */
export interface ReceiptSample {
  /** Hex. */
  readonly digest: string;
  /** The JSON form. */
  readonly receipt: unknown;
}

export interface LoadResult {
  /** Final ones. */
  readonly count: number;
  /** From the first one sent to the last one final. */
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** From the end of the offer to the last one final. */
  readonly drainMs: number;
  /** Refused as too much, with a time to come back; sent again then. */
  readonly refused: number;
  /** Processor time of the generator, in microseconds. */
  readonly cpuMicros: number;
  /** Bytes of the transactions, on average. */
  readonly bytes: number;
  readonly samples?: readonly ReceiptSample[];
}

export type Reply =
  | { readonly ok: true; readonly result: LoadResult | null }
  | { readonly ok: false; readonly message: string };
