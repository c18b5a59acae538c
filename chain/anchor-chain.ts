import { equalBytes } from '../base/bytes.ts';
import { PyralogError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import {
  type AnchorBlock,
  type AnchorChain,
  type AnchorCheckpoint,
  type Anchored,
  type AnchorTransaction,
  readCheckpoint,
} from '../consensus/index.ts';
import { AccountSender, type AccountSenderDeps } from './account-sender.ts';
import type { AnchoredLog, ChainReader, FinalAnchor } from './types.ts';

export interface AnchorChainDeps extends Omit<AccountSenderDeps, 'reader'> {
  readonly reader: Pick<ChainReader, 'nextNonce' | 'transaction' | 'log' | 'anchor' | 'block'>;
  readonly log: Logger;
}

/** Counts since the start, unless said otherwise. */
export interface AnchorFigures {
  readonly sent: number;
  readonly final: number;
  /** By the mempool, or by the state of the chain. */
  readonly refused: number;
  /** Sent, and dropped or lost before a block took it. */
  readonly lost: number;
  /** 1 while the cluster's account cannot pay for anchors: receipts stay at `checkpoint` (A7). */
  readonly unfunded: 0 | 1;
  /** 1 while anchors cost more than may be paid here: receipts stay at `checkpoint` (A6). */
  readonly tooDear: 0 | 1;
}

/** The chain of this node as the anchor machine uses it: transactions of one submitter (X7). */
export interface NodeAnchorChain extends AnchorChain {
  figures(): AnchorFigures;
  /** Whatever waits is told `consensus/anchor-refused`. Idempotent. */
  stop(): void;
}

export function createAnchorChain(deps: AnchorChainDeps): NodeAnchorChain {
  return new SubmitterChain(deps);
}

class SubmitterChain implements NodeAnchorChain {
  readonly #deps: AnchorChainDeps;
  readonly #sender: AccountSender;
  readonly #counts = { sent: 0, final: 0, refused: 0, lost: 0 };
  #unfunded = false;
  #tooDear = false;
  /** Of the last warning, by log: a refusal is tried again for ever, and said once. */
  readonly #said = new Map<string, string>();

  constructor(deps: AnchorChainDeps) {
    this.#deps = deps;
    this.#sender = new AccountSender(deps);
  }

  async submit(anchor: AnchorTransaction): Promise<AnchorBlock> {
    try {
      return await this.#submit(anchor);
    } catch (error) {
      if (!(error instanceof PyralogError)) throw error;
      if (error.code === 'consensus/anchor-refused') throw error;
      throw refused(`the chain does not take it now: ${error.message}`, {}, error);
    }
  }

  async last(origin: string): Promise<AnchorCheckpoint | undefined> {
    const log = await this.#deps.reader.log(origin);
    if (log === undefined || log.size === 0) return undefined;
    return (await this.covering(origin, log.size))?.checkpoint;
  }

  async covering(origin: string, size: number): Promise<Anchored | undefined> {
    const anchor = await this.#deps.reader.anchor(origin, size);
    if (anchor === undefined) return undefined;
    return { checkpoint: readCheckpoint(anchor.note), ...(await this.#blockOf(anchor)) };
  }

  figures(): AnchorFigures {
    return { ...this.#counts, unfunded: this.#unfunded ? 1 : 0, tooDear: this.#tooDear ? 1 : 0 };
  }

  stop(): void {
    this.#sender.stop();
  }

  async #submit(anchor: AnchorTransaction): Promise<AnchorBlock> {
    const { checkpoint, from, consistency: paths } = anchor;
    for (;;) {
      this.#sender.checkRunning();
      const there = await this.#anchored(checkpoint, from);
      if (there !== undefined) return there;
      const { note } = checkpoint;
      const sent = await this.#send(checkpoint.origin, { kind: 'anchor', note, from, paths });
      const final = await this.#sender.outcome(sent);
      if (final === undefined) {
        this.#counts.lost++;
      } else {
        this.#counts.final++;
        return await this.#blockOf(final);
      }
    }
  }

  /** A4: an anchor that the chain holds is answered as it was; one that does not start at what it holds is refused with that size. */
  async #anchored(checkpoint: AnchorCheckpoint, from: number): Promise<AnchorBlock | undefined> {
    const { origin, size } = checkpoint;
    const log = await this.#deps.reader.log(origin);
    if (log?.cutOffAt !== undefined) {
      throw this.#refuse(origin, `the log ${origin} was cut off at height ${log.cutOffAt} (X9)`, {
        cutOffAt: log.cutOffAt,
      });
    }
    const anchoredSize = log?.size ?? 0;
    if (anchoredSize < size && anchoredSize === from) return undefined;
    const anchor = anchoredSize >= size ? await this.#deps.reader.anchor(origin, size) : undefined;
    if (anchor?.size === size && isOf(checkpoint, anchor, log)) return await this.#blockOf(anchor);
    this.#counts.refused++;
    const message = `${anchoredSize} records of ${origin} are anchored, and this goes from ${from} to ${size}`;
    throw refused(message, { anchoredSize });
  }

  async #send(origin: string, body: Parameters<AccountSender['send']>[0]) {
    try {
      const sent = await this.#sender.send(body);
      this.#counts.sent++;
      this.#said.delete(origin);
      this.#tooDear = false;
      if (this.#unfunded) {
        this.#unfunded = false;
        this.#deps.log.info({ origin }, 'the cluster account pays for anchors again');
      }
      return sent;
    } catch (error) {
      if (!(error instanceof PyralogError)) throw error;
      this.#counts.refused++;
      if (error.code === 'chain/insufficient-balance') this.#outOfFunds(origin, error);
      else if (error.code === 'chain/fee-too-low') this.#costsTooMuch(origin, error);
      else if (error.code === 'chain/refused') throw this.#refuse(origin, error.message, {});
      throw error;
    }
  }

  /** A7: said once, and again when it is over. */
  #outOfFunds(origin: string, error: PyralogError): void {
    if (this.#unfunded) return;
    this.#unfunded = true;
    this.#deps.log.warn(
      { origin, ...error.data },
      'the cluster account cannot pay for anchors: receipts stay at checkpoint until it is funded',
    );
  }

  /** A6: said once, and again when it happens again. */
  #costsTooMuch(origin: string, error: PyralogError): void {
    if (this.#tooDear) return;
    this.#tooDear = true;
    this.#deps.log.warn(
      { origin, ...error.data },
      'anchors cost more than may be paid: receipts stay at checkpoint until fees fall or anchor.feeMax is raised',
    );
  }

  #refuse(origin: string, why: string, data: Record<string, number>): Error {
    if (this.#said.get(origin) !== why) {
      this.#said.set(origin, why);
      this.#deps.log.error({ origin, why }, 'the chain refuses the anchors of a log');
    }
    return refused(why, data);
  }

  async #blockOf({ height }: { readonly height: number }): Promise<AnchorBlock> {
    const block = await this.#deps.reader.block(height);
    if (block === undefined) {
      throw refused(`block ${height} is final, and this node does not have it yet`, {});
    }
    return { height, evidence: { scheme: 'pos', bytes: block.certificate } };
  }
}

/** Whether the chain holds this very tree, not another of the same size. */
function isOf(
  checkpoint: AnchorCheckpoint,
  anchor: FinalAnchor,
  log: AnchoredLog | undefined,
): boolean {
  const held = log?.size === anchor.size ? log.roots : readCheckpoint(anchor.note).roots;
  return (
    held.length === checkpoint.roots.length &&
    held.every(({ alg, root }, i) => {
      const other = checkpoint.roots[i];
      return other?.alg === alg && equalBytes(root, other.root);
    })
  );
}

function refused(why: string, data: Record<string, number>, cause?: unknown): Error {
  return new PyralogError('consensus/anchor-refused', why, { data, cause });
}
