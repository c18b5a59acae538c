import {
  openStateTree,
  packSignatures,
  type SignatureItem,
  type StateTree,
  verifySignaturesSync,
} from '../../native/index.ts';

/** Signature checks on this thread: the order in which a thread pool answers is in nobody's seed (Q1). */
export async function verifySignatures(items: readonly SignatureItem[]): Promise<Uint8Array> {
  return items.length === 0 ? new Uint8Array(0) : verifySignaturesSync(packSignatures(items));
}

/** The state tree of production, with nothing on the thread pool (Q1). */
export function immediateTree(): StateTree {
  const tree = openStateTree();
  return {
    handle: tree.handle,
    apply: (parent, changes) => tree.apply(parent, changes),
    build: async (entries, parent = 0) => tree.apply(parent, entries),
    root: (version) => tree.root(version),
    count: (version) => tree.count(version),
    prove: (version, key) => tree.prove(version, key),
    release: (version) => tree.release(version),
    stats: () => tree.stats(),
    close: () => tree.close(),
  };
}
