/** Which objects the records of all logs refer to (O16). */
import { PyralogError } from '../base/errors.ts';
import { decodeObjectReference, OBJECT_SCHEMA, REFERENCE_VERSION } from './objects.ts';
import type { LogRow, LogStore } from './types.ts';

/** Rows of one read: between two of them others get their turn. */
const READ_BYTES = 1 << 20;

/**
 * Ids of the objects that records refer to, each once. Reads every record from where retention left each log up to its end
 * as it stands when its turn comes. Rejects when one cannot be read, is out of view
 * behind damage in the log, or refers in a way that a later version made up: then nothing may be removed.
 */
export async function liveObjects(
  logStore: LogStore,
  signal: AbortSignal | undefined,
): Promise<Uint8Array[]> {
  if (!logStore.isWhole()) {
    throw new PyralogError(
      'storage/read-only',
      'the log is damaged, and records behind the damage may refer to objects: restore the store before objects are collected; see pyralog db check',
    );
  }
  const live = new Map<string, Uint8Array>();
  for (const partition of logStore.partitions.keys()) {
    let offset = logStore.firstOffset(partition);
    while (offset < logStore.durableSize(partition)) {
      signal?.throwIfAborted();
      const rows = logStore.read(partition, offset, READ_BYTES);
      const last = rows.at(-1);
      if (last === undefined) throw unread(partition, offset);
      for (const row of rows) addObject(live, row, partition);
      offset = last.record.offset + 1;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  return [...live.values()];
}

function addObject(live: Map<string, Uint8Array>, row: LogRow, partition: number): void {
  if (row.record.schemaId !== OBJECT_SCHEMA) return;
  const [version] = row.value;
  if (version !== undefined && version > REFERENCE_VERSION) {
    throw new PyralogError(
      'object/malformed',
      `record ${row.record.offset} of partition ${partition} has an object reference of version ${version}: update pyralog before objects are collected`,
    );
  }
  const id = idOf(row.value);
  if (id !== undefined) live.set(Buffer.from(id).toString('latin1'), id);
}

/** None for bytes that no version wrote: they name no object. */
function idOf(value: Uint8Array): Uint8Array | undefined {
  try {
    return decodeObjectReference(value).id;
  } catch (error) {
    if (error instanceof PyralogError) return undefined;
    throw error;
  }
}

function unread(partition: number, offset: number): PyralogError {
  return new PyralogError(
    'storage/corrupt',
    `partition ${partition} shows no record from ${offset} on, though it has more: nothing is removed; check the store`,
  );
}
