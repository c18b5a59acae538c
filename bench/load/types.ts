/** What the load generator, a process of its own, is asked and what it answers. */

export interface ConnectCommand {
  readonly kind: 'connect';
  readonly host: string;
  readonly port: number;
  readonly clients: number;
}

/** Each client calls again as soon as it is answered (a closed loop) until `ms` have passed. */
export interface CallsCommand {
  readonly kind: 'calls';
  /** `version` calls `net_version`: what the server costs when it has nothing to do. */
  readonly call: 'durable' | 'checkpoint' | 'version';
  readonly clients: number;
  readonly ms: number;
}

export interface PackedCommand {
  readonly kind: 'packed';
  readonly clients: number;
  /** Frames each client has unanswered. */
  readonly inFlight: number;
  readonly digests: number;
  readonly ms: number;
}

export type Command = ConnectCommand | CallsCommand | PackedCommand;

/** One answer in full, to be verified when no clock runs. */
export interface Sample {
  /** Hex. */
  readonly digest: string;
  /** The JSON-RPC answer. */
  readonly answer: string;
}

/** What a run of calls or frames came to. Every answer was checked before it was counted. */
export interface LoadResult {
  /** Calls, or digests of packed frames. */
  readonly count: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the generator, in microseconds. */
  readonly cpuMicros: number;
  readonly samples: readonly Sample[];
}

export type Reply =
  | { readonly ok: true; readonly result: LoadResult | null }
  | { readonly ok: false; readonly message: string };
