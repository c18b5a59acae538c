import type { Clock } from '../../base/time.ts';
import { treeHash, verifyConsistency } from '../../receipt/index.ts';
import { consensusError } from '../errors.ts';
import type { AnchorBlock, AnchorChain, Anchored, AnchorTransaction } from './chain.ts';
import type { AnchorCheckpoint } from './types.ts';

export interface MemoryChainDeps {
  readonly clock: Clock;
  /** Uniform in [0, 1); seeded, so that a run can be repeated. */
  readonly random: () => number;
}

export interface MemoryChainFaults {
  /** An anchor waits 0 to this many milliseconds for its block. */
  readonly blockMsMax: number;
  /** Chance that an anchor is refused for no fault of its own. */
  readonly refuseRate: number;
  /** Chance that an anchor becomes final and its sender never learns it. */
  readonly loseAnswerRate: number;
}

interface Entry {
  readonly checkpoint: AnchorCheckpoint;
  readonly block: AnchorBlock;
}

/** A chain that takes anchors as validators would: none without a proof that the log only grew. */
export class MemoryChain implements AnchorChain {
  readonly #deps: MemoryChainDeps;
  readonly #faults: MemoryChainFaults;
  readonly #anchors = new Map<string, Entry[]>();
  #height = 0;

  constructor(deps: MemoryChainDeps, faults: MemoryChainFaults) {
    this.#deps = deps;
    this.#faults = faults;
  }

  /** Final anchors of a log, oldest first. */
  anchors(origin: string): readonly AnchorCheckpoint[] {
    return (this.#anchors.get(origin) ?? []).map(({ checkpoint }) => checkpoint);
  }

  async last(origin: string): Promise<AnchorCheckpoint | undefined> {
    return this.#anchors.get(origin)?.at(-1)?.checkpoint;
  }

  async covering(origin: string, size: number): Promise<Anchored | undefined> {
    const entry = this.#anchors.get(origin)?.find(({ checkpoint }) => checkpoint.size >= size);
    return entry && { checkpoint: entry.checkpoint, ...entry.block };
  }

  submit(transaction: AnchorTransaction): Promise<AnchorBlock> {
    const { clock, random } = this.#deps;
    const { blockMsMax, refuseRate, loseAnswerRate } = this.#faults;
    return new Promise((resolve, reject) => {
      clock.schedule(clock.monotonic() + random() * blockMsMax, () => {
        if (random() < refuseRate) {
          reject(consensusError('consensus/anchor-refused', 'the mempool is full'));
          return;
        }
        try {
          const block = this.#take(transaction);
          if (random() < loseAnswerRate) reject(new Error('connection lost'));
          else resolve(block);
        } catch (refusal) {
          reject(refusal);
        }
      });
    });
  }

  #take({ checkpoint, from, consistency }: AnchorTransaction): AnchorBlock {
    const entries = this.#anchors.get(checkpoint.origin) ?? [];
    const last = entries.at(-1);
    if (last !== undefined && isSame(last.checkpoint, checkpoint)) return last.block;
    const anchoredSize = last?.checkpoint.size ?? 0;
    if (from !== anchoredSize || checkpoint.size <= anchoredSize) {
      throw refused(
        `${anchoredSize} records are anchored, and it goes from ${from} to ${checkpoint.size}`,
        anchoredSize,
      );
    }
    if (!extendsAnchor(checkpoint, last?.checkpoint, consistency)) {
      throw refused('the consistency proof does not hold', anchoredSize);
    }
    const block = {
      height: ++this.#height,
      evidence: { scheme: 'memory', bytes: new Uint8Array() },
    };
    this.#anchors.set(checkpoint.origin, [...entries, { checkpoint, block }]);
    return block;
  }
}

function isSame(a: AnchorCheckpoint, b: AnchorCheckpoint): boolean {
  return (
    a.size === b.size &&
    a.roots.length === b.roots.length &&
    a.roots.every(({ alg, root }, i) => {
      const other = b.roots[i];
      return other !== undefined && alg === other.alg && Buffer.from(root).equals(other.root);
    })
  );
}

function extendsAnchor(
  checkpoint: AnchorCheckpoint,
  base: AnchorCheckpoint | undefined,
  consistency: AnchorTransaction['consistency'],
): boolean {
  return checkpoint.roots.every(({ alg, root }, i) => {
    const path = consistency[i];
    const tree = treeHash(alg);
    const fromRoot =
      base === undefined ? tree.empty() : base.roots.find((r) => r.alg === alg)?.root;
    if (path === undefined || fromRoot === undefined) return false;
    const from = base?.size ?? 0;
    return verifyConsistency(tree, { from, to: checkpoint.size, fromRoot, toRoot: root, path });
  });
}

function refused(why: string, anchoredSize: number): Error {
  return consensusError('consensus/anchor-refused', `the chain refuses this anchor: ${why}`, {
    data: { anchoredSize },
  });
}
