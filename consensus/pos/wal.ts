import { assert } from '../../base/errors.ts';
import { consensusError } from '../errors.ts';
import type { PosDisk } from './disk.ts';
import { FrameFile, orClosed, randomSalt } from './frames.ts';

export const WAL_FILE = 'engine.wal';

/** Grown beyond this, the file is begun anew at the next height (P21). */
const COMPACT_BYTES = 16 * 1024 * 1024;
const ENTRY_HEADER_BYTES = 13;

const CORE = 0;
const BODY = 1;
const START = 2;

/** A block that was proposed to this node or built by it (P22). */
export interface WalBody {
  readonly round: number;
  /** Built here, for this round (P23). */
  readonly own: boolean;
  readonly bytes: Uint8Array;
}

/** What the log holds of one height. */
export interface WalHeight {
  /** Of the core, in order (P12). */
  readonly entries: Uint8Array[];
  readonly bodies: WalBody[];
}

export interface OpenedWal {
  readonly wal: Wal;
  /** By height, of those above the head. */
  readonly heights: ReadonlyMap<number, WalHeight>;
  readonly cutBytes: number;
}

/**
 * The engine's write-ahead log (P21): what the core took in and the blocks it was told of, so that a node that comes
 * back says again what it said and nothing else.
 *
 * Entries gather until {@link flush}, which writes them as one frame and syncs it.
 */
export class Wal {
  readonly #disk: PosDisk;
  readonly #random: () => number;
  #file: FrameFile;
  #waiting: Uint8Array[] = [];
  #writing: Promise<void> | undefined;
  /** Greatest height of anything in the file. */
  #newest: number;
  #anew = false;

  private constructor(
    deps: { readonly disk: PosDisk; readonly random: () => number },
    file: FrameFile,
    newest: number,
  ) {
    this.#disk = deps.disk;
    this.#random = deps.random;
    this.#file = file;
    this.#newest = newest;
  }

  /** Makes the file when there is none. `head`: height below which nothing is wanted. Rejects with `consensus/log-damaged`; nothing stays open then. */
  static async open(
    deps: { readonly disk: PosDisk; readonly random: () => number },
    head: number,
  ): Promise<OpenedWal> {
    const opened = await FrameFile.open(deps.disk, WAL_FILE);
    if (opened === undefined) {
      const file = await FrameFile.create(deps.disk, WAL_FILE, {
        salt: randomSalt(deps.random),
        payloads: [],
      });
      return { wal: new Wal(deps, file, 0), heights: new Map(), cutBytes: 0 };
    }
    const { file, payloads, cutBytes } = opened;
    const { heights, newest } = await orClosed(file, () => readHeights(payloads, head));
    return { wal: new Wal(deps, file, newest), heights, cutBytes };
  }

  /** Whether something waits for {@link flush}. */
  get dirty(): boolean {
    return this.#waiting.length > 0 || this.#writing !== undefined;
  }

  appendCore(height: number, entry: Uint8Array): void {
    this.#waiting.push(...entryOf(CORE, height, [entry]));
    this.#newest = Math.max(this.#newest, height);
  }

  appendBody(height: number, body: WalBody): void {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(body.round, 0);
    head[4] = body.own ? 1 : 0;
    this.#waiting.push(...entryOf(BODY, height, [head, body.bytes]));
    this.#newest = Math.max(this.#newest, height);
  }

  /** Notes that a height began; the next write begins a new file when this one is long and of lower heights alone. */
  start(height: number): void {
    this.#anew ||= this.#file.size > COMPACT_BYTES && this.#newest < height;
    this.#waiting.push(...entryOf(START, height, []));
    this.#newest = Math.max(this.#newest, height);
  }

  /** Everything appended before is durable once it resolves. Calls share syncs. Never used again after a rejection. */
  async flush(): Promise<void> {
    while (this.dirty) {
      this.#writing ??= this.#write();
      await this.#writing;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #write(): Promise<void> {
    const payload = Buffer.concat(this.#waiting);
    this.#waiting = [];
    if (this.#anew) {
      this.#anew = false;
      await this.#file.close();
      const content = { salt: randomSalt(this.#random), payloads: [payload] };
      this.#file = await FrameFile.create(this.#disk, WAL_FILE, content);
    } else {
      await this.#file.append(payload);
    }
    this.#writing = undefined;
  }
}

interface Entry {
  readonly kind: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

function entryOf(kind: number, height: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const head = Buffer.alloc(ENTRY_HEADER_BYTES);
  head[0] = kind;
  head.writeBigUInt64BE(BigInt(height), 1);
  head.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 0),
    9,
  );
  return [head, ...parts];
}

/** Of a frame whose checksum held: anything that does not fit was written by a build that this one does not know. */
function entriesOf(payload: Uint8Array): Entry[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const entries: Entry[] = [];
  for (let at = 0; at < payload.length; ) {
    const kind = payload[at] ?? START + 1;
    const end =
      payload.length - at < ENTRY_HEADER_BYTES
        ? Number.POSITIVE_INFINITY
        : at + ENTRY_HEADER_BYTES + view.getUint32(at + 9);
    if (end > payload.length || kind > START) throw unknownEntry();
    const height = Number(view.getBigUint64(at + 1));
    entries.push({ kind, height, bytes: payload.subarray(at + ENTRY_HEADER_BYTES, end) });
    at = end;
  }
  return entries;
}

function readHeights(payloads: readonly Uint8Array[], head: number) {
  const heights = new Map<number, WalHeight>();
  let newest = 0;
  for (const { kind, height, bytes } of payloads.flatMap(entriesOf)) {
    newest = Math.max(newest, height);
    if (height > head) keep(heights, { kind, height, bytes });
  }
  return { heights, newest };
}

function keep(heights: Map<number, WalHeight>, entry: Entry): void {
  const found = heights.get(entry.height) ?? { entries: [], bodies: [] };
  heights.set(entry.height, found);
  if (entry.kind === CORE) found.entries.push(entry.bytes);
  if (entry.kind !== BODY) return;
  assert(entry.bytes.length > 5, 'a logged body has a round and bytes');
  const round = new DataView(entry.bytes.buffer, entry.bytes.byteOffset).getUint32(0);
  found.bodies.push({ round, own: entry.bytes[4] === 1, bytes: entry.bytes.subarray(5) });
}

function unknownEntry() {
  return consensusError(
    'consensus/log-damaged',
    `${WAL_FILE} holds an entry that this version does not know; run the version that wrote it`,
    { data: { file: WAL_FILE } },
  );
}
