/** What memory it takes to open a million sealed rows as an Arrow table: in a process of its own. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sealSegment } from '../../native/index.ts';
import { runLines } from '../child.ts';
import { BenchError } from '../errors.ts';
import type { BenchContext } from '../types.ts';

const ROWS = 1_000_000;
const TIME_MS = 1_790_000_000_000;
const VALUE_BYTES = 32;
/** Length, leaf record and three lengths (batch.md B5). */
const HEAD_BYTES = 4 + 128 + 12;
const ROW_BYTES = HEAD_BYTES + VALUE_BYTES;
/** Where the fields stand that differ between rows. */
const ID_AT = 12;
const OFFSET_AT = 20;

export async function benchTable({ dir, signal, figure }: BenchContext): Promise<void> {
  const place = { dir: join(dir, 'table'), name: 's' };
  await mkdir(place.dir);
  try {
    const figures = await sealSegment(place, 0, packedRows());
    const main = fileURLToPath(new URL('opener-main.ts', import.meta.url));
    const args = ['--expose-gc', main, place.dir, place.name, Buffer.from(figures).toString('hex')];
    let told: { readonly rows?: number; readonly rssBytes?: number } = {};
    await runLines({ command: process.execPath, args }, signal, (line) => {
      told = JSON.parse(line) as typeof told;
    });
    if (told.rows !== ROWS || told.rssBytes === undefined)
      throw new BenchError('bench/wrong-answer', `${told.rows} of ${ROWS} rows were opened`);
    const value = told.rssBytes / 1e6;
    const metric = 'memory to open 1 M Arrow rows';
    figure({ metric, value, unit: 'MB', cpuPerOp: null, floor: null });
  } finally {
    await rm(place.dir, { recursive: true, force: true });
  }
}

/** Rows without key and headers, packed as a segment takes them; what their hashes are of is not looked at. */
function packedRows(): Uint8Array {
  const bytes = new Uint8Array(ROWS * ROW_BYTES);
  const view = new DataView(bytes.buffer);
  for (let row = 0, at = 0; row < ROWS; row++, at += ROW_BYTES) {
    view.setUint32(at, ROW_BYTES - 4, true);
    view.setBigUint64(at + 4, BigInt(TIME_MS), true);
    view.setUint32(at + ID_AT, 2 * row + 1, true);
    view.setUint32(at + OFFSET_AT, row, true);
    view.setUint32(at + 28, 1, true);
    view.setUint32(at + HEAD_BYTES - 4, VALUE_BYTES, true);
    bytes.fill(0x61, at + HEAD_BYTES, at + ROW_BYTES);
  }
  return bytes;
}
