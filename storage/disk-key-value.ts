import type { KeyValue } from './key-value.ts';
import { LevelKeyValue, levelError } from './level-key-value.ts';

/**
 * Opens or creates a {@link KeyValue} in a directory of its own, on LevelDB. A batch is durable once it resolves, and of
 * one that a crash cut short nothing shows. A value that is no longer what was written is refused when it is read.
 *
 * Rejects with `storage/locked` when another process has it open, `storage/corrupt`, `storage/disk-full`, `storage/io`.
 * After a batch that failed the store takes no further ones until it is opened again: what of it reached the disk is
 * known only then.
 */
export async function openLevelKeyValue(dir: string): Promise<KeyValue> {
  const { Level } = await import('./level.ts');
  const level = new Level<Uint8Array, Uint8Array>(dir, {
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  try {
    await level.open();
  } catch (error) {
    throw levelError(error, dir);
  }
  return new LevelKeyValue(level, { sharesMemory: false, checksums: true, place: dir });
}
