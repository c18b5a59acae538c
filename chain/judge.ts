/** Judging a block that somebody else built on the head: any bytes (X11, X12). */
import { equalBytes } from '../base/bytes.ts';
import { assert } from '../base/errors.ts';
import type { BlockVerdict } from '../consensus/index.ts';
import { treeRoot } from '../native/index.ts';
import { type BlockHeader, decodeHeader } from '../receipt/index.ts';
import type { Candidate } from './candidates.ts';
import { type BlockParts, decodeBlock } from './codec/block.ts';
import { decodeTransaction, signatureOf, transactionIds } from './codec/transaction.ts';
import { accessOf } from './execution/access.ts';
import { BlockExecution } from './execution/block.ts';
import { hashUnder } from './hash.ts';
import type { Ledger, Outcome } from './ledger.ts';
import type { Mempool, PoolEntry } from './mempool/types.ts';
import { checkNotes } from './notes-ahead.ts';

type Refused = Extract<BlockVerdict, { ok: false }>;
export type Judged = { readonly ok: true; readonly candidate: Candidate } | Refused;

/** Whether the certificate in a block certifies the head. */
export type CertifiesHead = (certificate: Uint8Array) => Promise<boolean>;

/** A block whose body is what its header commits to: from here on what is wrong is its proposer's fault. */
interface Bound extends BlockParts {
  readonly header: Uint8Array;
  readonly id: Uint8Array;
  readonly decoded: BlockHeader;
}

export class Judge {
  readonly #ledger: Ledger;
  readonly #mempool: Mempool;
  readonly #certifies: CertifiesHead;

  constructor(ledger: Ledger, mempool: Mempool, certifies: CertifiesHead) {
    this.#ledger = ledger;
    this.#mempool = mempool;
    this.#certifies = certifies;
  }

  /** Never throws for what is in the bytes. The caller owns the candidate's version of the tree. */
  async judge(bytes: Uint8Array): Promise<Judged> {
    const bound = this.#bind(bytes);
    if (!bound.ok) return bound;
    const { id, decoded } = bound.block;
    const refuse = (reason: string): Refused => ({ ok: false, reason, id });
    const unfit = this.#ancestryProblem(bound.block);
    if (unfit !== undefined) return refuse(unfit);
    if (!(await this.#certifiesParent(bound.block))) {
      return refuse(`its certificate does not certify block ${this.#ledger.height} (X12)`);
    }
    const list = await this.#entries(bound.block.transactions);
    if (!list.ok) return refuse(list.reason);
    const executed = await this.#execute(list.entries, decoded.proposer);
    if (!executed.ok) return refuse(executed.reason);
    const { changes, version, ...roots } = this.#ledger.outcome(executed.block);
    const differs = rootProblem(decoded, roots);
    if (differs !== undefined) {
      this.#ledger.tree.release(version);
      return refuse(differs);
    }
    const candidate = {
      id,
      header: decoded,
      headerBytes: bound.block.header,
      bytes,
      executed: executed.block,
      changes,
      version,
    };
    return { ok: true, candidate };
  }

  /** What holds without the chain: form, and that the header commits to the rest (X10, X11). */
  #bind(bytes: Uint8Array): { readonly ok: true; readonly block: Bound } | Refused {
    const { blockBytesMax } = this.#ledger.genesis.chain.parameters;
    if (bytes.length > blockBytesMax) {
      return {
        ok: false,
        reason: `it has ${bytes.length} bytes, more than ${blockBytesMax} (X11)`,
      };
    }
    const block = decodeBlock(bytes);
    if (!block.ok) return { ok: false, reason: `${block.reason} (X11)` };
    const { header, certificate, transactions } = block.value;
    const decoded = decodeHeader(header);
    if (!decoded.ok) return { ok: false, reason: `${decoded.message} (X10)` };
    if (!equalBytes(decoded.value.transactions, treeRoot('transactions', transactions))) {
      return { ok: false, reason: 'its header commits to other transactions (X10)' };
    }
    if (!equalBytes(decoded.value.certificate, hashUnder('certificate', certificate))) {
      return { ok: false, reason: 'its header commits to another certificate (X10)' };
    }
    const id = hashUnder('header', header);
    return { ok: true, block: { ...block.value, id, decoded: decoded.value } };
  }

  /** X12: whether it follows the head. */
  #ancestryProblem({ decoded, certificate }: Bound): string | undefined {
    const ledger = this.#ledger;
    const expected = ledger.ancestry(certificate);
    const { height, time, proposer } = decoded;
    if (height !== expected.height) {
      return `its height is ${height}, the next one here is ${expected.height} (X12)`;
    }
    if (time <= ledger.time)
      return `its time ${time} is not after its parent's, ${ledger.time} (X12)`;
    if (proposer >= ledger.validators.length) {
      return `validator ${proposer} is not one of ${ledger.validators.length} (X10)`;
    }
    if (!equalBytes(decoded.validators, expected.validators))
      return 'it names other validators (X10)';
    if (decoded.nextValidators !== undefined) return 'it names next validators, none change (X10)';
    if (!equalBytes(decoded.history, expected.history)) return 'it has another history (X12)';
    return undefined;
  }

  async #certifiesParent({ certificate }: Bound): Promise<boolean> {
    return this.#ledger.height === 0 ? certificate.length === 0 : this.#certifies(certificate);
  }

  /** The transactions, decoded, signatures verified; those of the mempool are already (X1). */
  async #entries(
    list: readonly Uint8Array[],
  ): Promise<
    | { readonly ok: true; readonly entries: readonly PoolEntry[] }
    | { readonly ok: false; readonly reason: string }
  > {
    const ids = list.length === 0 ? [] : transactionIds(list);
    const entries: PoolEntry[] = [];
    const unknown: { readonly index: number; readonly entry: PoolEntry }[] = [];
    for (const [index, bytes] of list.entries()) {
      const id = ids[index];
      assert(id !== undefined, 'there is an id for each transaction');
      const waiting = this.#mempool.get(id);
      if (waiting !== undefined) {
        entries.push(waiting);
        continue;
      }
      const decoded = decodeTransaction(bytes);
      if (!decoded.ok) return { ok: false, reason: `transaction ${index}: ${decoded.reason} (X1)` };
      const entry = { id, bytes, transaction: decoded.value };
      entries.push(entry);
      unknown.push({ index, entry });
    }
    if (unknown.length === 0) return { ok: true, entries };
    const { network } = this.#ledger.genesis;
    const items = unknown.map(({ entry }) => signatureOf(entry, network));
    const verdicts = await this.#ledger.signatures.verify(items);
    const forged = unknown.find((_, i) => verdicts[i] !== 1);
    if (forged === undefined) return { ok: true, entries };
    const reason = `transaction ${forged.index}: the signature is not the sender's (X1)`;
    return { ok: false, reason };
  }

  async #execute(list: readonly PoolEntry[], proposer: number) {
    const context = this.#ledger.context(proposer);
    const accesses = list.map(({ transaction }) => accessOf(transaction));
    const parent = await this.#ledger.cache.fetch([
      ...accesses,
      { accounts: [context.feeAccount] },
    ]);
    await checkNotes(this.#ledger, parent, list);
    const block = new BlockExecution(parent, context);
    for (const [index, entry] of list.entries()) {
      const refusal = await block.add(entry);
      if (refusal === undefined) continue;
      const reason = `transaction ${index} does not apply: ${refusal.reason} (X12)`;
      return { ok: false, reason } as const;
    }
    return { ok: true, block } as const;
  }
}

/** X12: every root is what execution gives. */
function rootProblem(
  header: BlockHeader,
  roots: Pick<Outcome, 'anchors' | 'state'>,
): string | undefined {
  if (!equalBytes(header.anchors, roots.anchors))
    return 'it commits to other anchors than execute (X12)';
  if (!equalBytes(header.state, roots.state))
    return 'it commits to another state than execution (X12)';
  return undefined;
}
