/** Opens one sealed segment as a table and tells what memory that took: `node --expose-gc opener-main.ts DIR NAME FIGURES`, the figures in hex. */
import { openSegmentTable } from '../../storage/index.ts';

const [dir = '', name = '', figures = ''] = process.argv.slice(2);

// The library's own memory is no cost of a segment.
await import('apache-arrow');
globalThis.gc?.();
const before = process.memoryUsage.rss();
const { table, segment } = await openSegmentTable({
  dir,
  name,
  figures: Buffer.from(figures, 'hex'),
});
const last = table.get(table.numRows - 1);
if (last?.offset !== BigInt(table.numRows - 1)) throw new Error(`the last row is ${last}`);
const rssBytes = process.memoryUsage.rss() - before;
const bytes = segment.buffer().length;
console.log(JSON.stringify({ rows: table.numRows, bytes, rssBytes }));
segment.close();
