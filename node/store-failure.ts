import type { Logger } from '../base/log.ts';
import type { Core, CoreStats } from '../native/index.ts';

const LOOK_MS = 500;

/** Why the store takes no records any more, and what to do; undefined while it does. Of `/readyz`: anybody may read it. */
export function storeFailure({ readOnly, poisoned }: CoreStats): string | undefined {
  if (readOnly) {
    return 'the store is damaged and open for reading only: stop the node and run `pyralog db check`, which says what and where';
  }
  return poisoned
    ? 'a write to the log failed: see the log of the node, then restart it'
    : undefined;
}

/**
 * Logs once, with its cause, why the store takes no records any more: a write that failed, or damage that the check behind
 * the opening found after a clean stop (store.md Z9). What the opening itself found is logged with it.
 *
 * @returns stops looking
 */
export function watchStore(core: Pick<Core, 'stats' | 'recovery'>, logger: Logger): () => void {
  if (core.recovery.readOnly) return () => undefined;
  const look = () => {
    const stats = core.stats();
    const failure = storeFailure(stats);
    if (failure === undefined) return;
    clearInterval(timer);
    logger.error({ cause: stats.failure, readOnly: stats.readOnly }, failure);
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  look();
  return () => clearInterval(timer);
}
