import type { Clock } from '../../base/time.ts';

/** The machine's clock, for contract suites: they run on real time, wait for conditions, and never assert a duration. */
export const realClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  schedule(at, task) {
    const timer = setTimeout(task, Math.max(0, at - performance.now()));
    return () => clearTimeout(timer);
  },
};
