import { equalBytes, toHex } from '../../base/bytes.ts';
import { consensusError } from '../errors.ts';
import { decodeArray, encodeCbor, isBytes, isCount, keyOf } from './cbor.ts';
import type { PosDisk } from './disk.ts';
import { FrameFile, type OpenedFrames, orClosed, randomSalt } from './frames.ts';

export const PROTECTION_FILE = 'protection.db';

/** Grown beyond this, the file is replaced by what is still needed. */
const COMPACT_BYTES = 256 * 1024;
/** Heights of which everything is kept: what peers may still repeat. */
const KEPT_HEIGHTS = 64;
/** A record without fields marks a database that is behind its key (P26). */
const BEHIND = encodeCbor([]);

/** Steps of a round in the order in which they are signed. */
export const SIGN_STEPS = { proposal: 0, prevote: 1, precommit: 2 } as const;

/** What is about to be signed, or was (P24). */
export interface SignRecord {
  /** Domain of the signature: `vote`. */
  readonly purpose: string;
  readonly height: number;
  readonly round: number;
  readonly step: (typeof SIGN_STEPS)[keyof typeof SIGN_STEPS];
  /** undefined: nil. */
  readonly id: Uint8Array | undefined;
  readonly polRound: number | undefined;
}

export interface ProtectionOwner {
  readonly network: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

export interface ProtectionDeps {
  readonly disk: PosDisk;
  readonly random: () => number;
}

export type Admission =
  /** Durable: sign. */
  | 'recorded'
  /** The very same was recorded before: signing it again says nothing new. */
  | 'again'
  /** Below what was signed. */
  | 'lower'
  /** Something else was recorded for this height, round and step. */
  | 'conflict';

/**
 * What this key has signed, so that it never signs two things where one is allowed (P24).
 *
 * It is kept apart from the log of the engine and from the store, so that it outlives both: a node that is built anew
 * must bring this file along. Written and synced before each signature, because afterwards may be too late.
 */
export class Protection {
  readonly #deps: ProtectionDeps;
  readonly #owner: ProtectionOwner;
  readonly #book: Book;
  #file: FrameFile;
  #written: Promise<void> = Promise.resolve();

  private constructor(deps: ProtectionDeps, owner: ProtectionOwner, opened: Opened) {
    this.#deps = deps;
    this.#owner = owner;
    this.#file = opened.file;
    this.#book = opened.book;
  }

  /** Rejects with `consensus/protection-missing`, `consensus/protection-foreign` or `consensus/log-damaged`; nothing stays open then. */
  static async open(deps: ProtectionDeps, owner: ProtectionOwner): Promise<Protection> {
    const found = await FrameFile.open(deps.disk, PROTECTION_FILE);
    if (found === undefined) throw missing();
    return await orClosed(found.file, () => Protection.#of(deps, owner, found));
  }

  static #of(deps: ProtectionDeps, owner: ProtectionOwner, found: OpenedFrames): Protection {
    const [first, ...rest] = found.payloads;
    const header = first === undefined ? undefined : decodeArray(first);
    if (header === undefined || !isCount(header[3])) throw unreadable();
    const [, network, key] = header;
    if (network !== owner.network || !isBytes(key, 32) || !equalBytes(key, owner.key)) {
      throw foreign(owner);
    }
    const book = new Book(header[3]);
    for (const payload of rest) book.read(payload);
    return new Protection(deps, owner, { file: found.file, book });
  }

  /** Lowest height of which everything signed is known. */
  get floor(): number {
    return this.#book.floor;
  }

  /** Greatest height that something was recorded for; 0 when nothing ever was. */
  get newestHeight(): number {
    return this.#book.newestHeight;
  }

  /** Whether the key signed what this database does not have: nothing is to be signed any more (P26). */
  get behind(): boolean {
    return this.#book.behind;
  }

  /** Writes down what is about to be signed, durably, unless that must not be. Rejects with the disk's error. */
  async admit(record: SignRecord): Promise<Admission> {
    const admission = this.#book.judge(record);
    if (admission !== 'recorded') return admission;
    this.#book.add(record);
    await this.#write(encodeRecord(record));
    return admission;
  }

  /** Whether this was recorded; undefined below the floor, where nobody knows. */
  holds(record: SignRecord): boolean | undefined {
    if (record.height < this.#book.floor) return undefined;
    return this.#book.has(record);
  }

  /** Durable: the key was used elsewhere, or this database is an old copy (P26). */
  async markBehind(): Promise<void> {
    if (this.#book.behind) return;
    this.#book.behind = true;
    await this.#write(BEHIND);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** One at a time; after a rejection all others reject too. */
  #write(payload: Uint8Array): Promise<void> {
    this.#written = this.#written.then(() => this.#append(payload));
    return this.#written;
  }

  async #append(payload: Uint8Array): Promise<void> {
    if (this.#file.size < COMPACT_BYTES) return await this.#file.append(payload);
    this.#book.forget();
    await this.#file.close();
    this.#file = await writeBook(this.#deps, this.#owner, this.#book);
  }
}

/**
 * Makes the database of a key that never signed anything; `newValidator` says so, and nothing can check it. Rejects
 * with `consensus/protection-exists`.
 */
export async function createProtection(
  deps: ProtectionDeps,
  options: ProtectionOwner & { readonly newValidator: true },
): Promise<void> {
  const found = await deps.disk.open(PROTECTION_FILE);
  if (found !== undefined) {
    await found.close();
    throw consensusError(
      'consensus/protection-exists',
      `${PROTECTION_FILE} is there already; a new one would forget what this key has signed`,
    );
  }
  const file = await writeBook(deps, options, new Book(0));
  await file.close();
}

interface Opened {
  readonly file: FrameFile;
  readonly book: Book;
}

/** The records in memory: by purpose and height, and the greatest of each purpose. */
class Book {
  readonly #records = new Map<string, SignRecord>();
  readonly #newest = new Map<string, SignRecord>();
  floor: number;
  behind = false;

  constructor(floor: number) {
    this.floor = floor;
  }

  get newestHeight(): number {
    return Math.max(0, ...[...this.#newest.values()].map(({ height }) => height));
  }

  read(payload: Uint8Array): void {
    if (equalBytes(payload, BEHIND)) {
      this.behind = true;
      return;
    }
    const record = decodeRecord(payload);
    if (record === undefined) throw unreadable();
    this.add(record);
  }

  judge(record: SignRecord): Admission {
    const before = this.#records.get(placeOf(record));
    if (before !== undefined) return sameRecord(before, record) ? 'again' : 'conflict';
    const newest = this.#newest.get(record.purpose);
    if (record.height < this.floor) return 'lower';
    return newest !== undefined && compare(record, newest) <= 0 ? 'lower' : 'recorded';
  }

  has(record: SignRecord): boolean {
    const found = this.#records.get(placeOf(record));
    return found !== undefined && sameRecord(found, record);
  }

  add(record: SignRecord): void {
    this.#records.set(placeOf(record), record);
    const newest = this.#newest.get(record.purpose);
    if (newest === undefined || compare(record, newest) > 0) {
      this.#newest.set(record.purpose, record);
    }
  }

  /** Drops what is more than {@link KEPT_HEIGHTS} below the newest. */
  forget(): void {
    const newest = Math.max(0, ...[...this.#newest.values()].map(({ height }) => height));
    this.floor = Math.max(this.floor, newest - KEPT_HEIGHTS + 1);
    for (const [place, record] of this.#records) {
      if (record.height < this.floor) this.#records.delete(place);
    }
  }

  payloads(): Uint8Array[] {
    const records = [...this.#records.values()].map(encodeRecord);
    return this.behind ? [...records, BEHIND] : records;
  }
}

function writeBook(deps: ProtectionDeps, owner: ProtectionOwner, book: Book): Promise<FrameFile> {
  const header = encodeCbor([1, owner.network, owner.key, book.floor]);
  const content = { salt: randomSalt(deps.random), payloads: [header, ...book.payloads()] };
  return FrameFile.create(deps.disk, PROTECTION_FILE, content);
}

function placeOf({ purpose, height, round, step }: SignRecord): string {
  return `${height}/${round}/${step}/${purpose}`;
}

function compare(a: SignRecord, b: SignRecord): number {
  return a.height - b.height || a.round - b.round || a.step - b.step;
}

function sameRecord(a: SignRecord, b: SignRecord): boolean {
  const sameId =
    a.id === undefined ? b.id === undefined : b.id !== undefined && keyOf(a.id) === keyOf(b.id);
  return sameId && a.polRound === b.polRound;
}

function encodeRecord(record: SignRecord): Uint8Array {
  const { purpose, height, round, step, id, polRound } = record;
  return encodeCbor([purpose, height, round, step, id ?? null, polRound ?? null]);
}

function decodeRecord(payload: Uint8Array): SignRecord | undefined {
  const fields = decodeArray(payload);
  if (fields?.length !== 6) return undefined;
  const [purpose, height, round, step, id, polRound] = fields;
  if (typeof purpose !== 'string' || !isCount(height) || !isCount(round)) return undefined;
  if (step !== 0 && step !== 1 && step !== 2) return undefined;
  if (id !== null && !isBytes(id, 32)) return undefined;
  if (polRound !== null && !isCount(polRound)) return undefined;
  return { purpose, height, round, step, id: id ?? undefined, polRound: polRound ?? undefined };
}

function missing() {
  return consensusError(
    'consensus/protection-missing',
    `${PROTECTION_FILE} is missing, and without it this key could sign twice: bring it along from where the key was used last, or, for a key that never signed anything, make one with \`pyralog join --new-validator\``,
  );
}

function foreign(owner: ProtectionOwner) {
  return consensusError(
    'consensus/protection-foreign',
    `${PROTECTION_FILE} is not of key ${toHex(owner.key)} on network ${owner.network}; bring along the file of this key`,
  );
}

function unreadable() {
  return consensusError(
    'consensus/log-damaged',
    `${PROTECTION_FILE} holds a record that this version cannot read; run the version that wrote it`,
    { data: { file: PROTECTION_FILE } },
  );
}
