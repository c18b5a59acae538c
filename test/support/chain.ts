/** A chain of a small devnet, its keys, and a mempool that holds whatever a test puts into it. */
import { strict as assert } from 'node:assert';
import { ed25519 } from '@noble/curves/ed25519.js';
import { silentLogger } from '../../base/log.ts';
import {
  type Chain,
  type ChainDeps,
  type ChainErrorCode,
  type ChainGenesis,
  type ChainOptions,
  decodeTransaction,
  encodeTransaction,
  type Mempool,
  openChain,
  type PoolEntry,
  type SignedTransaction,
  type StateReads,
  signTransaction,
  transactionId,
  type UnsignedTransaction,
} from '../../chain/index.ts';
import { createSeedSigner, type Signer } from '../../consensus/index.ts';
import { openStateTree, type StateTree } from '../../native/index.ts';
import {
  cosign,
  encodeCertificate,
  formatCheckpointBody,
  formatNote,
  type Genesis,
  networkId,
  precommitBytes,
  signedBytes,
  type VerificationKey,
  verificationKey,
  verifyCertificate,
} from '../../receipt/index.ts';
import { type KeyValue, openMemoryKeyValue } from '../../storage/index.ts';

const seedOf = (kind: number, i: number) => new Uint8Array(32).fill(kind).fill(i, 28);

/** Signer of test account `i`; its key is `accountOf(i)`. */
export const signerOf = (i: number): Signer => createSeedSigner(seedOf(0xa0, i));
export const accountOf = (i: number): Uint8Array => signerOf(i).publicKey;

const SIGNERS = new Map<number, Signer>();
const keptSigner = (i: number): Signer => {
  const signer = SIGNERS.get(i) ?? signerOf(i);
  SIGNERS.set(i, signer);
  return signer;
};

const voteSeed = (i: number) => seedOf(0xb0, i);
const VALIDATORS = [0, 1, 2, 3]
  .map((i) => ({ seed: voteSeed(i), key: ed25519.getPublicKey(voteSeed(i)), name: `node-${i}` }))
  .sort((a, b) => Buffer.compare(a.key, b.key));

/** Account that gets the fees of blocks of validator `i`. */
export const feeAccountOf = (i: number): Uint8Array => accountOf(100 + i);

const RICH = 1_000_000_000n;

/** Ten funded accounts, four validators. */
export const GENESIS_DOCUMENT: Genesis = {
  network: 'devnet',
  time: 1_790_000_000_000,
  salt: new Uint8Array(16).fill(7),
  chain: {
    engine: 'pos',
    validators: VALIDATORS.map(({ key, name }, i) => ({
      key,
      name,
      power: 1n,
      account: feeAccountOf(i),
    })),
    accounts: Array.from({ length: 10 }, (_, i) => ({ key: accountOf(i), balance: RICH })).sort(
      (a, b) => Buffer.compare(a.key, b.key),
    ),
    parameters: {
      blockBytesMax: 1 << 20,
      feeBase: 1_000n,
      feePerByte: 10n,
      maxDelayMs: 2_000,
      precisionMs: 500,
    },
  },
};
export const NETWORK = networkId(GENESIS_DOCUMENT);
export const GENESIS: ChainGenesis = {
  network: NETWORK,
  time: GENESIS_DOCUMENT.time,
  chain: GENESIS_DOCUMENT.chain ?? assert.fail('a chain'),
};

/** Certificate of a block by the first three of four validators (P6). */
export function certify(height: number, id: Uint8Array): Uint8Array {
  const message = signedBytes('vote', NETWORK, precommitBytes(height, 0, id));
  const signatures = VALIDATORS.slice(0, 3).map(({ seed }, index) => ({
    index,
    signature: ed25519.sign(message, seed),
  }));
  return encodeCertificate({ round: 0, signatures }, VALIDATORS.length);
}

/** Everything in order of arrival; nothing is judged. */
export class OpenMempool implements Mempool {
  readonly #reads: StateReads;
  readonly #entries = new Map<string, PoolEntry>();
  readonly dropped: { readonly id: Uint8Array; code: ChainErrorCode; reason: string }[] = [];
  readonly settled: { readonly height: number; readonly touched: readonly Uint8Array[] }[] = [];

  constructor(reads: StateReads) {
    this.#reads = reads;
  }

  /** Of one with a good form, whatever its signature: that of the mempool counts as checked. */
  put(bytes: Uint8Array): void {
    const decoded = decodeTransaction(bytes);
    assert.ok(decoded.ok);
    const id = transactionId(bytes);
    this.#entries.set(hex(id), { id, bytes, transaction: decoded.value });
  }

  async add(batch: readonly Uint8Array[]) {
    return batch.map((bytes) => {
      this.put(bytes);
      return { ok: true, id: transactionId(bytes), fresh: true } as const;
    });
  }

  best(): Iterable<PoolEntry> {
    return [...this.#entries.values()];
  }

  get(id: Uint8Array): PoolEntry | undefined {
    return this.#entries.get(hex(id));
  }

  drop(id: Uint8Array, code: ChainErrorCode, reason: string): void {
    this.#entries.delete(hex(id));
    this.dropped.push({ id, code, reason });
  }

  settle(height: number, executed: readonly Uint8Array[], touched: readonly Uint8Array[]): void {
    for (const id of executed) this.#entries.delete(hex(id));
    this.settled.push({ height, touched });
  }

  status(id: Uint8Array) {
    return this.#entries.has(hex(id)) ? ({ state: 'pending' } as const) : undefined;
  }

  async nextNonce(sender: Uint8Array): Promise<bigint> {
    return (await this.#reads.account(sender)).nonce;
  }

  get hasPending(): boolean {
    return this.#entries.size > 0;
  }

  get count(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return [...this.#entries.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  onDropped(): () => void {
    return () => {};
  }

  onPending(): () => void {
    return () => undefined;
  }

  stop(): void {}
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

export interface TestChain extends Chain {
  readonly pool: OpenMempool;
  readonly kv: KeyValue;
  readonly tree: StateTree;
  /** Certificates that were verified, not answered from memory. */
  readonly certified: { count: number };
  /** Proposes, gets a certificate, commits. */
  step(transactions?: readonly Uint8Array[], proposer?: number): Promise<Uint8Array>;
  /** Closes chain and tree, and the store unless it is kept. */
  end(keepStore?: boolean): Promise<void>;
}

/** Opens a chain of {@link GENESIS}; close it with `end`. */
export async function openTestChain(
  given: Partial<Omit<ChainDeps, 'openMempool'>> = {},
  options: Partial<ChainOptions> = {},
): Promise<TestChain> {
  const kv = given.store ?? (await openMemoryKeyValue());
  const tree = given.tree ?? openStateTree();
  const certified = { count: 0 };
  let pool: OpenMempool | undefined;
  const chain = await openChain(
    {
      store: kv,
      tree,
      openMempool: (reads) => {
        pool = new OpenMempool(reads);
        return pool;
      },
      genesis: GENESIS,
      verifyCertificate: ({ height, id }, validators, bytes) => {
        certified.count++;
        return verifyCertificate({ network: NETWORK, height, id, validators }, bytes).ok;
      },
      log: silentLogger,
      onBug: (bug) => assert.fail(String(bug)),
      ...given,
    },
    options,
  );
  const own = pool ?? assert.fail('a chain opens its mempool');
  return {
    ...chain,
    pool: own,
    kv,
    tree,
    certified,
    async step(transactions = [], proposer = 0) {
      for (const bytes of transactions) own.put(bytes);
      const block = await chain.app.propose(nextRequest(chain, proposer));
      await commit(chain, block);
      return block.bytes;
    },
    async end(keepStore = false) {
      await chain.close();
      tree.close();
      if (!keepStore) await kv.close();
    },
  };
}

/** What an engine would ask next. */
export function nextRequest(chain: Chain, proposer = 0) {
  const head = chain.app.head();
  return {
    height: (head?.height ?? 0) + 1,
    time: (head?.time ?? GENESIS.time) + 100,
    proposer,
    parentEvidence: head?.evidence,
  };
}

export async function commit(
  chain: Chain,
  block: { readonly height: number; readonly id: Uint8Array },
): Promise<void> {
  const bytes = certify(block.height, block.id);
  await chain.app.commit(block.id, { scheme: 'pos', bytes });
}

export type Given = Partial<Omit<UnsignedTransaction, 'sender' | 'body'>> & {
  readonly from?: number;
  readonly body: UnsignedTransaction['body'];
};

/** A signed transaction of account `from`; the fee is ample unless it is given. */
export async function make(given: Given, network = NETWORK): Promise<SignedTransaction> {
  const { from = 0, nonce = 0n, fee = 1_000_000n, until = 0, body } = given;
  const signer = keptSigner(from);
  return await signTransaction(
    { sender: signer.publicKey, nonce, fee, until, body },
    network,
    signer,
  );
}

/** Bytes of a transaction without a signature, for pools that count it as checked. */
export function unsigned({
  from = 0,
  nonce = 0n,
  fee = 5_000n,
  until = 0,
  body,
}: Given): Uint8Array {
  const sender = keptSigner(from).publicKey;
  const signature = new Uint8Array(64);
  return encodeTransaction({ sender, nonce, fee, until, body, signature });
}

export function transfer(from: number, nonce: number | bigint, to: Uint8Array, amount = 1n) {
  return make({ from, nonce: BigInt(nonce), body: { kind: 'transfer', to, amount } });
}

export const CLUSTER = 'acme';
export const ORIGIN = `pyralog/${NETWORK}/${CLUSTER}/notary/0`;

/** Replica `i` of {@link CLUSTER}. */
export function replicaOf(i: number, cluster = CLUSTER) {
  const seed = seedOf(0xc0, i);
  const name = `pyralog/${NETWORK}/${cluster}/node-${i}`;
  const key: VerificationKey = verificationKey(name, 'cosignature', ed25519.getPublicKey(seed));
  return { key, sign: (message: Uint8Array) => ed25519.sign(message, seed) };
}

/** Registers {@link CLUSTER}: two of three replicas, submitter account 1. */
export function registration(
  changes: Partial<Extract<UnsignedTransaction['body'], { kind: 'register-cluster' }>> = {},
) {
  return {
    kind: 'register-cluster' as const,
    name: CLUSTER,
    keys: [0, 1, 2].map((i) => {
      const { name, publicKey } = replicaOf(i).key;
      return { name, publicKey };
    }),
    threshold: 2,
    faults: 0,
    submitters: [accountOf(1)],
    deposit: 50_000_000n,
    ...changes,
  };
}

export interface NoteOf {
  readonly origin?: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly sha256Root?: Uint8Array;
  readonly signers?: readonly number[];
}

/** A signed checkpoint of {@link ORIGIN}. */
export function noteOf({ origin = ORIGIN, signers = [0, 1], ...tree }: NoteOf): string {
  const body = formatCheckpointBody({ origin, epoch: 1, time: 1_790_000_000_500, ...tree });
  const signatures = signers.map((i) => {
    const { key, sign } = replicaOf(i);
    return cosign(body, key, 1_790_000_001, sign);
  });
  return formatNote({ body, signatures });
}
