/**
 * Decompression of snappy blocks that strangers made.
 *
 * Our own, since the package's decompressor does not end on some inputs: a literal whose 32-bit length is negative when
 * read as a signed number moves its position backwards, so that five bytes from a peer would stop a node. Here every
 * element moves forward, and nothing is written outside the output.
 * Format: google/snappy, format_description.txt.
 */

/** A literal longer than 60 bytes has its length − 1 in the next 1 to 4 bytes. */
const LITERAL_INLINE_MAX = 60;

interface Element {
  readonly length: number;
  /** Back from the end of the output; 0 for a literal. */
  readonly offset: number;
  /** Of the next byte that is not part of the tag. */
  readonly next: number;
}

/** What a block from `at` decompresses to; undefined unless it is well-formed and exactly this long. */
export function decompressBlock(
  block: Uint8Array,
  at: number,
  length: number,
): Uint8Array | undefined {
  const out = new Uint8Array(length);
  let from = at;
  let to = 0;
  while (from < block.length) {
    const element = readTag(block, from);
    if (element === undefined || element.length > length - to) return undefined;
    from = element.next;
    if (element.offset === 0) {
      if (element.length > block.length - from) return undefined;
      out.set(block.subarray(from, from + element.length), to);
      from += element.length;
    } else {
      if (element.offset > to) return undefined;
      copyBack(out, to, element);
    }
    to += element.length;
  }
  return to === length ? out : undefined;
}

function readTag(block: Uint8Array, at: number): Element | undefined {
  const tag = block[at] ?? 0;
  const high = tag >>> 2;
  if ((tag & 3) === 0) {
    if (high < LITERAL_INLINE_MAX) return { length: high + 1, offset: 0, next: at + 1 };
    const bytes = high - LITERAL_INLINE_MAX + 1;
    const length = readUint(block, at + 1, bytes);
    return length === undefined
      ? undefined
      : { length: length + 1, offset: 0, next: at + 1 + bytes };
  }
  if ((tag & 3) === 1) {
    const low = readUint(block, at + 1, 1);
    return low === undefined
      ? undefined
      : copy({ length: (high & 7) + 4, offset: ((tag >>> 5) << 8) | low, next: at + 2 });
  }
  const bytes = (tag & 3) === 2 ? 2 : 4;
  const offset = readUint(block, at + 1, bytes);
  return offset === undefined
    ? undefined
    : copy({ length: high + 1, offset, next: at + 1 + bytes });
}

/** A copy from nowhere is no copy; 0 marks literals here. */
function copy(element: Element): Element | undefined {
  return element.offset === 0 ? undefined : element;
}

/** Copies within the output; where source and target overlap, the bytes just written repeat. */
function copyBack(out: Uint8Array, to: number, { length, offset }: Element): void {
  if (offset >= length) {
    out.copyWithin(to, to - offset, to - offset + length);
    return;
  }
  for (let i = to; i < to + length; i++) out[i] = out[i - offset] ?? 0;
}

/** Little-endian; undefined when the block ends before. */
function readUint(block: Uint8Array, at: number, bytes: number): number | undefined {
  if (at + bytes > block.length) return undefined;
  let value = 0;
  for (let i = 0; i < bytes; i++) value += (block[at + i] ?? 0) * 2 ** (8 * i);
  return value;
}
