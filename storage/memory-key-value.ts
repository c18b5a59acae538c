import type { KeyValue } from './key-value.ts';
import { LevelKeyValue } from './level-key-value.ts';

/** A {@link KeyValue} in memory, on `memory-level`: what {@link openLevelKeyValue} does, without the disk. */
export async function openMemoryKeyValue(): Promise<KeyValue> {
  // Loaded when it is wanted: a node that runs a notary has no use for it.
  const { MemoryLevel } = await import('./memory-level.ts');
  const level = new MemoryLevel<Uint8Array, Uint8Array>({
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  await level.open();
  return new LevelKeyValue(level, { sharesMemory: true, checksums: false, place: 'in memory' });
}
