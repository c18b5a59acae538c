import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Figures of the main thread that the RPC thread shows: one float each in shared memory, no messages. */
export interface SharedFigures {
  readonly mainLagSeconds: number;
}

const SAMPLE_MS = 20;
const PUBLISH_MS = 1_000;

export function createSharedFigures(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

export function readShared(shared: SharedArrayBuffer): SharedFigures {
  return { mainLagSeconds: new Float64Array(shared)[0] ?? 0 };
}

/** Publishes this thread's event-loop lag; the returned function stops it. */
export function publishLag(shared: SharedArrayBuffer): () => void {
  const lag = monitorEventLoopDelay({ resolution: SAMPLE_MS });
  lag.enable();
  const figures = new Float64Array(shared);
  const timer = setInterval(() => {
    figures[0] = lag.count === 0 ? 0 : Math.max(0, lag.max / 1e9 - SAMPLE_MS / 1e3);
    lag.reset();
  }, PUBLISH_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    lag.disable();
  };
}
