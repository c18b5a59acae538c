import { type Clock, sleep } from '../base/time.ts';
import {
  type Anchor,
  type AnchorChain,
  type CheckpointFeed,
  openAnchor,
} from '../consensus/index.ts';
import type { LogStore } from '../storage/index.ts';

export interface AnchoringDeps {
  readonly clock: Clock;
  readonly chain: AnchorChain;
  readonly feed: CheckpointFeed;
  readonly logStore: LogStore;
  /** Called on a broken invariant. The node must stop. */
  readonly onBug: (bug: unknown) => void;
}

export interface AnchoringOptions {
  /** Least time between two anchors of a log (A3); default 250. */
  readonly intervalMs?: number;
  /** After a refusal or a lost answer (A4); default 1,000. */
  readonly retryMs?: number;
}

/** The anchoring of one node's logs. */
export interface Anchoring {
  readonly anchor: Anchor;
  /** Sends nothing more; resolves when nothing of it runs. */
  stop(): Promise<void>;
}

/**
 * Brings the checkpoints of every log here to the chain.
 *
 * A checkpoint that somebody asks for is signed at once (N5). So each log is asked once an interval and for one record more than before: an
 * idle log is never signed again for this, a busy one as often as anchors may leave.
 */
export async function startAnchoring(
  deps: AnchoringDeps,
  options: AnchoringOptions = {},
): Promise<Anchoring> {
  const { clock, chain, feed, logStore, onBug } = deps;
  const { intervalMs = 250, retryMs = 1_000 } = options;
  const anchor = await openAnchor({ clock, chain, logStore, onBug }, { intervalMs, retryMs });
  const stopping = new AbortController();
  const { signal } = stopping;
  const follow = async (partition: number, origin: string) => {
    let size = (await chain.last(origin))?.size ?? 0;
    while (!signal.aborted) {
      const checkpoint = await feed.reached(partition, size + 1, signal);
      if (signal.aborted) return;
      anchor.offer(checkpoint);
      size = checkpoint.size;
      await sleep(clock, intervalMs, signal);
    }
  };
  const running = logStore.partitions.map(({ origin }, partition) =>
    follow(partition, origin).catch((error: unknown) => {
      if (!signal.aborted) onBug(error);
    }),
  );
  return {
    anchor,
    async stop() {
      stopping.abort();
      anchor.stop();
      await Promise.all(running);
    },
  };
}
