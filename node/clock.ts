import type { Clock } from '../base/time.ts';

/** The machine's clocks. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  schedule(at, task) {
    const timer = setTimeout(task, Math.max(0, at - performance.now()));
    return () => clearTimeout(timer);
  },
};
