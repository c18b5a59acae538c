/** A chain in memory behind {@link ChainAccess}: knows bytes only, takes what it is not told to refuse, and makes blocks when told. */
import { methods } from '../../api/index.ts';
import type {
  Account,
  AnchoredLog,
  Cluster,
  FinalAnchor,
  FinalBlock,
  TransactionStatus,
} from '../../chain/types.ts';
import { transactionId } from '../../client/index.ts';
import type { ChainAccess, ChainHead, SubmittedTransaction } from '../../rpc/index.ts';

export const bytes32 = (byte: number) => new Uint8Array(32).fill(byte);
export const idOf = transactionId;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

type Refusal = Extract<SubmittedTransaction, { ok: false }>;

export class FakeChain implements ChainAccess {
  readonly blocks: FinalBlock[] = [];
  readonly accounts = new Map<string, Account>();
  readonly clusters = new Map<string, Cluster>();
  readonly logs = new Map<string, AnchoredLog>();
  readonly anchors: FinalAnchor[] = [];
  /** Decides about each transaction; undefined = it is taken. */
  refuse: (transaction: Uint8Array) => Refusal | undefined = () => undefined;
  /** While set, batches wait for it. */
  gate: Promise<void> | undefined;
  /** Sizes of the batches that came. */
  readonly batches: number[] = [];
  empty = false;
  readonly #pending = new Map<string, Uint8Array>();
  readonly #dropped = new Map<string, TransactionStatus>();
  #wake: (() => void)[] = [];
  /** Feeds that have not ended. */
  feeds = 0;

  head(): ChainHead | undefined {
    const block = this.blocks.at(-1);
    return block && { height: block.header.height, id: block.id, time: block.header.time };
  }

  parameters() {
    return {
      blockBytesMax: 1_048_576,
      feeBase: 1_000n,
      feePerByte: 10n,
      maxDelayMs: 2_000,
      precisionMs: 500,
    };
  }

  genesis(): string {
    return '{"pyralog":"genesis"}\n';
  }

  async account(key: Uint8Array): Promise<Account> {
    return this.accounts.get(hex(key)) ?? { nonce: 0n, balance: 0n };
  }

  async nextNonce(key: Uint8Array): Promise<bigint> {
    return (await this.account(key)).nonce + BigInt(this.#pending.size);
  }

  async cluster(name: string): Promise<Cluster | undefined> {
    return this.clusters.get(name);
  }

  async log(origin: string): Promise<AnchoredLog | undefined> {
    return this.logs.get(origin);
  }

  async block(height: number): Promise<FinalBlock | undefined> {
    return this.blocks[height - 1];
  }

  async transaction(id: Uint8Array): Promise<TransactionStatus> {
    for (const { header, transactions } of this.blocks) {
      const index = transactions.findIndex((one) => hex(idOf(one)) === hex(id));
      if (index >= 0) return { state: 'final', height: header.height, index, time: header.time };
    }
    if (this.#pending.has(hex(id))) return { state: 'pending' };
    return this.#dropped.get(hex(id)) ?? { state: 'unknown' };
  }

  async anchor(origin: string, size: number): Promise<FinalAnchor | undefined> {
    return this.anchors.find((anchor) => anchor.origin === origin && anchor.size >= size);
  }

  async anchorProof(origin: string, size: number, byHistory = false) {
    const there = this.anchors.some((one) => one.origin === origin && one.size === size);
    return there ? { scheme: byHistory ? 2 : 1, proof: Uint8Array.of(0x87) } : undefined;
  }

  async transactionProof(id: Uint8Array): Promise<Uint8Array | undefined> {
    return (await this.transaction(id)).state === 'final' ? Uint8Array.of(0x86) : undefined;
  }

  async stateProof(key: Uint8Array) {
    const known = this.accounts.has(hex(key.subarray(1)));
    const value = known ? Uint8Array.of(0x82) : undefined;
    return { height: this.blocks.length, value, proof: Uint8Array.of(1) };
  }

  async submitBatch(transactions: readonly Uint8Array[]): Promise<SubmittedTransaction[]> {
    this.batches.push(transactions.length);
    if (this.gate !== undefined) await this.gate;
    return transactions.map((transaction) => {
      const refusal = this.refuse(transaction);
      if (refusal !== undefined) return refusal;
      const id = idOf(transaction);
      this.#pending.set(hex(id), Uint8Array.from(transaction));
      return { ok: true, id };
    });
  }

  async settled(id: Uint8Array, signal: AbortSignal): Promise<TransactionStatus> {
    for (;;) {
      signal.throwIfAborted();
      const status = await this.transaction(id);
      if (status.state !== 'pending') return status;
      await this.#changed(signal);
    }
  }

  async *heads(signal: AbortSignal): AsyncGenerator<ChainHead> {
    let told = 0;
    yield* this.#feed(signal, () => {
      const head = this.head();
      if (head === undefined || head.height <= told) return undefined;
      told = head.height;
      return head;
    });
  }

  async *finalAnchors(origin: string, signal: AbortSignal): AsyncGenerator<FinalAnchor> {
    let told = 0;
    yield* this.#feed(signal, () => {
      const newest = this.anchors.filter((one) => one.origin === origin).at(-1);
      if (newest === undefined || newest.size <= told) return undefined;
      told = newest.size;
      return newest;
    });
  }

  async consensusStatus() {
    return {
      height: this.blocks.length + 1,
      round: 0,
      rounds: 3,
      role: 'validator' as const,
      validators: [{ name: 'node-0', key: bytes32(1), power: 2n ** 59n, self: true }],
      lastDecisionSeconds: 0.02,
      peersHearing: 3,
      syncing: false,
    };
  }

  async network() {
    const peer = {
      ...methods.net_peers.example.result.peers[0],
      height: 7,
      since: 1_790_000_000_000,
    };
    return { id: '12D3KooWSelf', addresses: ['/ip4/127.0.0.1/tcp/1'], banned: 0, peers: [peer] };
  }

  async anchorStatus() {
    const logs = [{ origin: 'pyralog/x/y/z/0', durable: 5, size: 0 }];
    return { cluster: 'local', empty: this.empty, logs };
  }

  /** What waits becomes a final block. */
  seal(time = 1_790_000_000_000): FinalBlock {
    const height = this.blocks.length + 1;
    const transactions = [...this.#pending.values()];
    this.#pending.clear();
    const root = bytes32(9);
    const block: FinalBlock = {
      id: bytes32(height),
      header: {
        height,
        time: time + height,
        proposer: 0,
        validators: root,
        nextValidators: undefined,
        transactions: root,
        anchors: root,
        state: root,
        certificate: root,
        history: root,
      },
      headerBytes: Uint8Array.of(0x8b, height),
      certificate: Uint8Array.of(0x83),
      transactions,
    };
    this.blocks.push(block);
    this.#wakeAll();
    return block;
  }

  drop(transaction: Uint8Array, code: 'chain/expired', reason: string): void {
    const id = hex(idOf(transaction));
    this.#pending.delete(id);
    this.#dropped.set(id, { state: 'dropped', code, reason });
    this.#wakeAll();
  }

  pushAnchor(anchor: FinalAnchor): void {
    this.anchors.push(anchor);
    this.#wakeAll();
  }

  async *#feed<T>(signal: AbortSignal, next: () => T | undefined): AsyncGenerator<T> {
    this.feeds++;
    try {
      while (!signal.aborted) {
        const value = next();
        if (value !== undefined) yield value;
        else await this.#changed(signal).catch(() => undefined);
      }
    } finally {
      this.feeds--;
    }
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#wake.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** A refusal as the mempool gives it. */
export function refusal(
  code: Refusal['code'],
  message: string,
  data: Refusal['data'] = {},
): Refusal {
  return { ok: false, code, message, data };
}
