/**
 * The chain's state tree (docs/spec/state.md): a compact sparse Merkle tree in the native core's memory.
 *
 * It keeps hashes, never values: whoever owns the values keeps them elsewhere and packs what changed. Versions share
 * what they have in common, so competing blocks are executed side by side from one parent (U6):
 *
 * ```ts
 * const tree = openStateTree();
 * const genesis = await tree.build(packStateChanges(accounts));
 * const left = tree.apply(genesis.version, packStateChanges(changesOfBlockA));
 * const right = tree.apply(genesis.version, packStateChanges(changesOfBlockB));
 * tree.release(right.version); // lost the vote
 * const proof = tree.prove(left.version, key); // verifyStateProof of receipt/
 * ```
 *
 * Calls are safe from any thread; {@link attachStateTree} gives a worker its own view of a tree another thread opened.
 */
import { PyralogError } from '../base/errors.ts';
import { ask, binding } from './binding.ts';
import type { NativeStateVersion } from './pyralog.d.ts';

/** What state trees refuse. All are mistakes of the caller except `state/full`. */
export type StateErrorCode =
  /** Packed changes that end in the middle of an entry. Nothing was applied. */
  | 'state/malformed'
  /** The version was released, or never was. */
  | 'state/no-such-version'
  /** The tree was closed. */
  | 'state/closed'
  /** 2^31 leaves or inner nodes are alive: release versions. Nothing was applied. */
  | 'state/full';

/** A version that `apply` or `build` made. It lives until it is released. */
export interface StateVersion {
  readonly version: number;
  /** 32 bytes (U2). */
  readonly root: Uint8Array;
}

/** What a tree holds over all its live versions. */
export interface StateTreeStats {
  /** Live versions, version 0 not among them. */
  readonly versions: number;
  readonly leaves: number;
  readonly innerNodes: number;
  /** Memory of the nodes, with what is kept for reuse. */
  readonly bytes: number;
}

/** Every call throws `state/closed` after {@link close}, and `state/no-such-version` for a version that is not alive. */
export interface StateTree {
  /** Number under which {@link attachStateTree} finds the tree in this process. */
  readonly handle: number;
  /**
   * A new version: `parent` with the changes of {@link packStateChanges} made (U5). Version 0 is the empty tree and
   * always alive. The parent stays as it is. Throws `state/malformed`, `state/full`. About 3 µs a change: what has
   * more than a few thousand belongs to {@link build}.
   */
  apply(parent: number, changes: Uint8Array): StateVersion;
  /**
   * What `apply` does, off the event loop, for any number of entries: the rebuild at start, or a snapshot in several
   * parts (`parent` = version of the part before, default 0). Other calls wait a few milliseconds at most. The bytes
   * are copied before it returns, so a pack should have tens of megabytes, not hundreds.
   */
  build(entries: Uint8Array, parent?: number): Promise<StateVersion>;
  root(version: number): Uint8Array;
  /** Keys in a version. */
  count(version: number): number;
  /** That `key` has its value, or that it has none (U7), under the root of `version`. */
  prove(version: number, key: Uint8Array): Uint8Array;
  /** Forgets a version and frees what no other one shares. Version 0 cannot be forgotten; releasing it does nothing. */
  release(version: number): void;
  stats(): StateTreeStats;
  /** Frees everything, for every thread. A tree that is closed may be closed again. */
  close(): void;
}

/** An empty tree. It holds nothing outside memory, but must be closed: the process keeps it until then. */
export function openStateTree(): StateTree {
  return new NativeStateTree(binding.stateOpen());
}

/** This thread's view of a tree that another thread opened. Throws `state/closed` when there is none. */
export function attachStateTree(handle: number): StateTree {
  const tree = new NativeStateTree(handle);
  tree.stats();
  return tree;
}

const DELETED = 0xffff_ffff;

/**
 * Packs changes for {@link StateTree.apply} (U5): a value, or `undefined` to delete. Of a key named twice the last
 * change counts; deleting what is not there does nothing.
 */
export function packStateChanges(
  changes: Iterable<readonly [Uint8Array, Uint8Array | undefined]>,
): Uint8Array {
  const list = [...changes];
  const size = list.reduce((sum, [key, value]) => sum + 8 + key.length + (value?.length ?? 0), 0);
  const packed = new Uint8Array(size);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const [key, value] of list) {
    view.setUint32(at, key.length, true);
    packed.set(key, at + 4);
    at += 4 + key.length;
    view.setUint32(at, value?.length ?? DELETED, true);
    if (value !== undefined) packed.set(value, at + 4);
    at += 4 + (value?.length ?? 0);
  }
  return packed;
}

class NativeStateTree implements StateTree {
  readonly handle: number;

  constructor(handle: number) {
    this.handle = handle;
  }

  apply(parent: number, changes: Uint8Array): StateVersion {
    return versionOf(ask(() => binding.stateApply(this.handle, parent, changes)));
  }

  async build(entries: Uint8Array, parent = 0): Promise<StateVersion> {
    return versionOf(await ask(() => binding.stateBuild(this.handle, parent, entries)));
  }

  root(version: number): Uint8Array {
    return ask(() => binding.stateRoot(this.handle, version));
  }

  count(version: number): number {
    return ask(() => binding.stateCount(this.handle, version));
  }

  prove(version: number, key: Uint8Array): Uint8Array {
    return ask(() => binding.stateProve(this.handle, version, key));
  }

  release(version: number): void {
    ask(() => binding.stateRelease(this.handle, version));
  }

  stats(): StateTreeStats {
    return ask(() => binding.stateStats(this.handle));
  }

  close(): void {
    binding.stateClose(this.handle);
  }
}

/** Work of the pool cannot throw with a code of ours, so its failures come as values. */
function versionOf({ version, root, code, message }: NativeStateVersion): StateVersion {
  if (version === undefined || root === undefined) {
    throw new PyralogError(code as StateErrorCode, message ?? '');
  }
  return { version, root };
}
