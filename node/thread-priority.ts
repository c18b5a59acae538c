import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** A third of the share of a thread that did not step back, where both want the processor. */
const STEP = 5;
const LOWEST = 19;

/**
 * Lets other threads go before the calling one when the processor is short: votes must not wait for calls. It does nothing
 * where threads have no priorities of their own (anywhere but on Linux).
 *
 * See setpriority(2) under "C library/kernel differences": on Linux the nice value is a thread's.
 */
export function stepBack(): void {
  if (process.platform !== 'linux') return;
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, Math.min(LOWEST, getPriority(thread) + STEP));
  } catch {
    // No /proc, or not allowed: calls and votes then share the processor as before.
  }
}
