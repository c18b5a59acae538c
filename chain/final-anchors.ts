import { Newest } from '../consensus/index.ts';
import type { FinalNotice } from './options.ts';
import type { ChainReader, FinalAnchor } from './types.ts';

export interface FinalAnchorsDeps {
  readonly reader: Pick<ChainReader, 'log' | 'anchor' | 'anchorProof'>;
  readonly onFinal: (listener: (notice: Pick<FinalNotice, 'anchors'>) => void) => () => void;
}

/** What the notary asks of the chain, answered out of the chain's own store: it knows the anchors of every run and of every node (A5). */
export interface NodeFinalAnchors {
  anchor(origin: string, size: number): Promise<FinalAnchor | undefined>;
  proof(
    origin: string,
    size: number,
    byHistory?: boolean,
  ): Promise<{ readonly scheme: number; readonly proof: Uint8Array } | undefined>;
  /** The newest, then every newer one; a slow reader misses some. Ends with `signal`. */
  subscribe(origin: string, signal: AbortSignal): AsyncIterable<FinalAnchor>;
}

export function createFinalAnchors({ reader, onFinal }: FinalAnchorsDeps): NodeFinalAnchors {
  return {
    anchor: (origin, size) => reader.anchor(origin, size),
    proof: (origin, size, byHistory) => reader.anchorProof(origin, size, byHistory),
    async *subscribe(origin, signal) {
      const newest = new Newest<FinalAnchor>();
      const forget = onFinal(({ anchors }) => {
        for (const anchor of anchors) if (anchor.origin === origin) newest.set(anchor);
      });
      try {
        const log = await reader.log(origin);
        const last =
          log === undefined || log.size === 0 ? undefined : await reader.anchor(origin, log.size);
        if (last !== undefined && newest.value === undefined) newest.set(last);
        yield* newest.read('now', signal);
      } finally {
        forget();
      }
    },
  };
}
