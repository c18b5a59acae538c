import { binding } from './binding.ts';

/**
 * Has the system kill this process when the one that started it ends, however that ends, and even while this process is
 * stopped and could notice nothing itself. False where the system cannot (only Linux can).
 */
export function dieWithParent(): boolean {
  return binding.dieWithParent();
}
