import type { Logger } from '../base/log.ts';
import type { Clock } from '../base/time.ts';
import type { PeerBookStore } from './options.ts';
import type { ScoreEntry } from './score-book.ts';
import type { PeerId } from './types.ts';

/** A text from disk above this is no peer book. */
const TEXT_CHARACTERS_MAX = 4 * 1024 * 1024;
const PEERS_MAX = 256;
const SCORES_MAX = 4_096;

/** How long changes wait for each other before the book is written. */
const SAVE_AFTER_MS = 2_000;

export interface KnownPeer {
  readonly id: PeerId;
  readonly address: string;
  /** Unix milliseconds. */
  readonly lastSeen: number;
}

interface Content {
  readonly peers: readonly KnownPeer[];
  readonly scores: readonly ScoreEntry[];
}

export interface PeerBookDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: PeerBookStore | undefined;
  /** The scores of this moment, to be written with the peers. */
  readonly scores: () => readonly ScoreEntry[];
}

/**
 * The peers this node was connected to, and who is banned, over restarts (G13).
 *
 * A convenience: a book that is damaged or cannot be written costs time to find peers, never the node.
 */
export class PeerBook {
  readonly #deps: PeerBookDeps;
  readonly #peers = new Map<PeerId, KnownPeer>();
  #cancelSave: (() => void) | undefined;
  #saving: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(deps: PeerBookDeps, peers: readonly KnownPeer[]) {
    this.#deps = deps;
    for (const peer of peers) this.#peers.set(peer.id, peer);
  }

  peers(): KnownPeer[] {
    return [...this.#peers.values()];
  }

  remember(id: PeerId, address: string): void {
    this.#peers.delete(id);
    this.#peers.set(id, { id, address, lastSeen: this.#deps.clock.wall() });
    for (const oldest of this.#peers.keys()) {
      if (this.#peers.size <= PEERS_MAX) break;
      this.#peers.delete(oldest);
    }
    this.changed();
  }

  /** Writes the book soon; what changes until then goes with it. */
  changed(): void {
    if (this.#closed || this.#deps.store === undefined || this.#cancelSave !== undefined) return;
    const at = this.#deps.clock.monotonic() + SAVE_AFTER_MS;
    this.#cancelSave = this.#deps.clock.schedule(at, () => {
      this.#cancelSave = undefined;
      this.#save();
    });
  }

  /** Writes the book for the last time. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelSave?.();
    this.#save();
    await this.#saving;
  }

  #save(): void {
    const { store, log } = this.#deps;
    if (store === undefined) return;
    const text = formatPeerBook({
      peers: this.peers(),
      scores: this.#deps.scores().slice(-SCORES_MAX),
    });
    this.#saving = this.#saving.then(async () => {
      try {
        await store.save(text);
      } catch (err) {
        log.warn({ err }, 'peer book not written; after a restart peers are found anew');
      }
    });
  }
}

/** What the store holds; nothing, with a warning, when that cannot be read. */
export async function loadPeerBook(
  store: PeerBookStore | undefined,
  log: Logger,
): Promise<Content> {
  const empty: Content = { peers: [], scores: [] };
  if (store === undefined) return empty;
  try {
    const text = await store.load();
    if (text === undefined) return empty;
    const content = parsePeerBook(text);
    if (content !== undefined) return content;
    log.warn({}, 'peer book is damaged; ignored, peers are found anew');
  } catch (err) {
    log.warn({ err }, 'peer book not readable; ignored, peers are found anew');
  }
  return empty;
}

export function formatPeerBook(content: Content): string {
  return `${JSON.stringify({ pyralog: 'peers', version: 1, ...content })}\n`;
}

/** undefined for anything that {@link formatPeerBook} would not write. */
export function parsePeerBook(text: string): Content | undefined {
  if (text.length > TEXT_CHARACTERS_MAX) return undefined;
  const book = record(parseJson(text));
  if (book?.['pyralog'] !== 'peers' || book['version'] !== 1) return undefined;
  const peers = list(book['peers'], PEERS_MAX, readPeer);
  const scores = list(book['scores'], SCORES_MAX, readScore);
  return peers === undefined || scores === undefined ? undefined : { peers, scores };
}

function readPeer(value: unknown): KnownPeer | undefined {
  const peer = record(value);
  if (peer === undefined) return undefined;
  const { id, address, lastSeen } = peer;
  if (!isName(id) || !isName(address) || !isNumber(lastSeen)) return undefined;
  return { id, address, lastSeen };
}

function readScore(value: unknown): ScoreEntry | undefined {
  const entry = record(value);
  if (entry === undefined) return undefined;
  const { id, score, at, bannedUntil } = entry;
  if (!isName(id) || !isNumber(score) || !isNumber(at) || !isNumber(bannedUntil)) return undefined;
  return { id, score, at, bannedUntil };
}

function list<T>(
  value: unknown,
  countMax: number,
  read: (item: unknown) => T | undefined,
): T[] | undefined {
  if (!Array.isArray(value) || value.length > countMax) return undefined;
  const items: T[] = [];
  for (const each of value) {
    const item = read(each);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? { ...value }
    : undefined;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 256;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // damaged text is an answer here
  }
}
