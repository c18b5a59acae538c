import { equalBytes } from '../../base/bytes.ts';
import { consensusError } from '../errors.ts';
import { crc32c } from './crc32c.ts';
import type { PosDisk, PosFile } from './disk.ts';

const FILE_MAGIC = Uint8Array.from(Buffer.from('PYRB\x01\0\0\0', 'latin1'));
const FILE_HEADER_BYTES = 16;
const FRAME_MAGIC = 0x50595242;
const MAGIC_BYTES = Uint8Array.of(0x50, 0x59, 0x52, 0x42);
const FRAME_HEADER_BYTES = 20;

export interface OpenedFrames {
  readonly file: FrameFile;
  readonly payloads: readonly Uint8Array[];
  /** Bytes of a torn tail that were cut. */
  readonly cutBytes: number;
}

/**
 * A file of frames, each durable before the next is written (P21).
 *
 * So whatever stands behind a bad frame decides what happened: nothing valid, and it was being written when the power
 * went, and nobody was told of it; something valid, and it was durable once, and the disk lost it.
 *
 * The checksums begin with a salt of the file: a block that somebody sent in order to be logged cannot hold bytes that
 * pass for a frame.
 */
export class FrameFile {
  readonly #file: PosFile;
  readonly #salt: number;
  #sequence: number;
  #size: number;

  private constructor(file: PosFile, at: { salt: number; sequence: number; size: number }) {
    this.#file = file;
    this.#salt = at.salt;
    this.#sequence = at.sequence;
    this.#size = at.size;
  }

  /** Replaces the file by one of these frames, atomically. `salt`: 32 random bits. */
  static async create(
    disk: PosDisk,
    name: string,
    content: { readonly salt: number; readonly payloads: readonly Uint8Array[] },
  ): Promise<FrameFile> {
    const salt = content.salt >>> 0;
    const frames = content.payloads.map((payload, i) => frameOf(salt, i + 1, payload));
    const bytes = Buffer.concat([fileHeader(salt), ...frames]);
    const file = await disk.replace(name, bytes);
    return new FrameFile(file, { salt, sequence: frames.length, size: bytes.length });
  }

  /** undefined when there is no file. Rejects with `consensus/log-damaged`; the file is closed again then. */
  static async open(disk: PosDisk, name: string): Promise<OpenedFrames | undefined> {
    const file = await disk.open(name);
    return file === undefined ? undefined : await orClosed(file, () => FrameFile.#read(file, name));
  }

  static async #read(file: PosFile, name: string): Promise<OpenedFrames> {
    const bytes = await file.read();
    const salt = saltOf(bytes);
    if (salt === undefined) throw damaged(name, 0);
    const { payloads, sequence, end } = readFrames(bytes, salt);
    if (end < bytes.length) {
      if (hasLaterFrame(bytes, { salt, from: end + 1, above: sequence })) throw damaged(name, end);
      await file.truncate(end);
      await file.sync();
    }
    const opened = new FrameFile(file, { salt, sequence, size: end });
    return { file: opened, payloads, cutBytes: bytes.length - end };
  }

  get size(): number {
    return this.#size;
  }

  /** One at a time. Durable once it resolves; never used again after a rejection. */
  async append(payload: Uint8Array): Promise<void> {
    this.#sequence++;
    const frame = frameOf(this.#salt, this.#sequence, payload);
    this.#size += frame.length;
    await this.#file.append(frame);
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** What is made of something open; closes it when nothing is made of it: a node that refuses to start keeps no handle. */
export async function orClosed<T>(
  opened: { close(): Promise<void> },
  make: () => T | Promise<T>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** `random`: uniform in [0, 1). */
export function randomSalt(random: () => number): number {
  return Math.floor(random() * 2 ** 32);
}

function fileHeader(salt: number): Uint8Array {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  header.set(FILE_MAGIC);
  header.writeUInt32BE(salt, 8);
  header.writeUInt32BE(crc32c(header.subarray(0, 12)), 12);
  return header;
}

function saltOf(bytes: Uint8Array): number | undefined {
  if (bytes.length < FILE_HEADER_BYTES || !equalBytes(bytes.subarray(0, 8), FILE_MAGIC)) {
    return undefined;
  }
  const view = viewOf(bytes);
  return view.getUint32(12) === crc32c(bytes.subarray(0, 12)) ? view.getUint32(8) : undefined;
}

function frameOf(salt: number, sequence: number, payload: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  frame.writeUInt32BE(FRAME_MAGIC, 0);
  frame.writeUInt32BE(payload.length, 4);
  frame.writeBigUInt64BE(BigInt(sequence), 8);
  frame.set(payload, FRAME_HEADER_BYTES);
  frame.writeUInt32BE(crc32c(payload, crc32c(frame.subarray(4, 16), salt)), 16);
  return frame;
}

/** The whole frame at `at`: its sequence and payload. */
function frameAt(
  bytes: Uint8Array,
  at: number,
  salt: number,
): { readonly sequence: number; readonly payload: Uint8Array } | undefined {
  if (bytes.length - at < FRAME_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  const end = at + FRAME_HEADER_BYTES + view.getUint32(at + 4);
  if (view.getUint32(at) !== FRAME_MAGIC || end > bytes.length) return undefined;
  const payload = bytes.subarray(at + FRAME_HEADER_BYTES, end);
  const crc = crc32c(payload, crc32c(bytes.subarray(at + 4, at + 16), salt));
  if (crc !== view.getUint32(at + 16)) return undefined;
  return { sequence: Number(view.getBigUint64(at + 8)), payload };
}

function readFrames(bytes: Uint8Array, salt: number) {
  const payloads: Uint8Array[] = [];
  let end = FILE_HEADER_BYTES;
  for (;;) {
    const frame = frameAt(bytes, end, salt);
    if (frame === undefined || frame.sequence !== payloads.length + 1) {
      return { payloads, sequence: payloads.length, end };
    }
    payloads.push(frame.payload);
    end += FRAME_HEADER_BYTES + frame.payload.length;
  }
}

function hasLaterFrame(
  bytes: Uint8Array,
  search: { readonly salt: number; readonly from: number; readonly above: number },
): boolean {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = whole.indexOf(MAGIC_BYTES, search.from);
  for (; at >= 0; at = whole.indexOf(MAGIC_BYTES, at + 1)) {
    const frame = frameAt(bytes, at, search.salt);
    if (frame !== undefined && frame.sequence > search.above) return true;
  }
  return false;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function damaged(name: string, position: number) {
  return consensusError(
    'consensus/log-damaged',
    `${name} is damaged at byte ${position} where no crash damages it; nothing was changed: restore the file from a copy of this very moment, or let the node follow without its key`,
    { data: { file: name, position } },
  );
}
