import { constants } from 'node:os';
import type { ConfigSources } from './config/load.ts';
import type { Config } from './config/schema.ts';
import { type RunningNode, startNode } from './start.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal's Ctrl-C comes again through npm and the launcher: within this time it is the same one. */
const SAME_SIGNAL_MS = 500;

/** Exit code of a broken invariant; others are the caller's. */
const BUG = 6;

/**
 * Runs a node as this process: the first signal drains, a second one ends at once (the log is crash-safe, so that loses
 * nothing that was answered), and a bug ends it with a line that says so. Resolves when the node has stopped.
 */
export async function runNode(
  from: Config | ConfigSources,
  { onReady, signal }: { onReady: (node: RunningNode) => void; signal?: AbortSignal },
): Promise<void> {
  const stop = new AbortController();
  const release = stopOnSignals(stop);
  const die = (error: unknown) => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`pyralog: internal error, stopping at once\n${stack}\n`);
    process.exit(BUG);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  try {
    const both = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
    const node = await startNode(from, both);
    onReady(node);
    await node.stopped;
  } finally {
    process.off('uncaughtException', die);
    process.off('unhandledRejection', die);
    release();
  }
}

function stopOnSignals(stop: AbortController): () => void {
  let firstMs = 0;
  const handlers = SIGNALS.map((name) => {
    const handler = () => {
      if (stop.signal.aborted) {
        if (performance.now() - firstMs < SAME_SIGNAL_MS) return;
        process.stderr.write('pyralog: second signal, stopping at once\n');
        process.exit(128 + constants.signals[name]);
      }
      firstMs = performance.now();
      stop.abort();
    };
    process.on(name, handler);
    return () => process.off(name, handler);
  });
  return () => {
    for (const release of handlers) release();
  };
}
