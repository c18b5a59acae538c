import { textKey } from '../text-key.ts';
import { type Ranking as Order, Ranking, type Step } from './ranking.ts';
import { SenderQueue, type Waiting } from './sender-queue.ts';
import type { PoolEntry } from './types.ts';

/** An account that pays for something that waits. */
export interface Payer {
  balance: bigint;
  /** Sum of the costs of {@link entries}; at most the balance (X16). */
  pledged: bigint;
  readonly entries: Set<Waiting>;
}

/** No transaction is smaller: sender, signature and the heads around them. */
const TRANSACTION_BYTES_MIN = 100;

interface Place extends Step<SenderQueue> {
  readonly entry: Waiting;
  readonly position: number;
}

interface Turn extends Place {
  /** It had no room, so what follows it in its line has no turn. */
  skipped: boolean;
}

/**
 * What waits, in the four orders that it is asked for in: by id and arrival, by sender and nonce, by what it pays, by the height it must
 * stand in. It judges nothing; every change costs log n.
 */
export class Pool {
  readonly #byId = new Map<string, Waiting>();
  readonly #queues = new Map<string, SenderQueue>();
  readonly #payers = new Map<string, Payer>();
  /** Senders that can be proposed from, best paying next one first (X17). */
  readonly #best: Order<SenderQueue> = new Ranking();
  /** All senders, worst paying last one first (X19). */
  readonly #worst: Order<SenderQueue> = new Ranking();
  readonly #byUntil: Order<Waiting> = new Ranking();
  #bytes = 0;

  get count(): number {
    return this.#byId.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get hasReady(): boolean {
    return this.#best.size > 0;
  }

  get(key: string): Waiting | undefined {
    return this.#byId.get(key);
  }

  queue(sender: string): SenderQueue | undefined {
    return this.#queues.get(sender);
  }

  payer(key: string): Payer | undefined {
    return this.#payers.get(key);
  }

  /** The one that waits longest. */
  oldest(): Waiting | undefined {
    for (const entry of this.#byId.values()) return entry;
    return undefined;
  }

  /** The one that must stand in a block soonest. */
  soonest(): Waiting | undefined {
    return this.#byUntil.first();
  }

  /** The account's nonce and the payer's balance are those of the state, where the pool does not know them yet. */
  insert(entry: Waiting, nonce: bigint, balance: bigint): void {
    const { sender, until } = entry.transaction;
    const senderKey = textKey(sender);
    const queue = this.#queues.get(senderKey) ?? new SenderQueue(sender, nonce);
    this.#queues.set(senderKey, queue);
    queue.put(entry);
    const payer = this.#payers.get(entry.payer) ?? { balance, pledged: 0n, entries: new Set() };
    this.#payers.set(entry.payer, payer);
    payer.pledged += entry.cost;
    payer.entries.add(entry);
    this.#byId.set(entry.key, entry);
    this.#bytes += entry.bytes.length;
    if (until > 0) this.#byUntil.set(entry, until, entry.order);
    this.rank(queue);
  }

  remove(entry: Waiting): void {
    if (!this.#byId.delete(entry.key)) return;
    this.#bytes -= entry.bytes.length;
    this.#byUntil.delete(entry);
    const payer = this.#payers.get(entry.payer);
    if (payer?.entries.delete(entry)) {
      payer.pledged -= entry.cost;
      if (payer.entries.size === 0) this.#payers.delete(entry.payer);
    }
    const queue = this.#queues.get(textKey(entry.transaction.sender));
    if (queue === undefined) return;
    queue.remove(entry);
    this.rank(queue);
  }

  /** Puts a sender in its place after its line, base or hold changed. */
  rank(queue: SenderQueue): void {
    const head = queue.at(0);
    if (head === undefined || queue.held) this.#best.delete(queue);
    else this.#best.set(queue, -head.rate, head.order);
    const last = queue.last;
    if (last === undefined) {
      this.#worst.delete(queue);
      this.#queues.delete(queue.key);
      return;
    }
    const { rank, tie } = placeOf(queue, last);
    this.#worst.set(queue, rank, tie);
  }

  /**
   * Best paying first, each sender in nonce order (X17). What leaves the pool while the result is read is passed over, and so is what
   * stands behind it.
   */
  *best(bytesMax: number): Generator<PoolEntry> {
    const gone = new Set<string>();
    for (const { entry, item } of this.#turns(bytesMax)) {
      const waits = () => this.#byId.get(entry.key) === entry;
      if (!gone.has(item.key) && waits()) yield entry;
      if (!waits()) gone.add(item.key);
    }
  }

  /**
   * What must go so that `incoming` fits within the bounds; undefined when that pays as much or more (X19). `position` is where it would
   * stand; what it replaces is counted as gone by `need`.
   */
  victims(
    incoming: { readonly queue: SenderQueue | undefined; position: number; rate: number },
    need: { count: number; bytes: number },
  ): Waiting[] | undefined {
    let { count, bytes } = need;
    if (count <= 0 && bytes <= 0) return [];
    const { queue, position } = incoming;
    const rank = evictionRank(position <= (queue?.ready ?? 0), incoming.rate);
    const found: Waiting[] = [];
    // Its own predecessors stay: without them it could not be proposed.
    const ends = (place: Place) => place.item === queue && place.position < position;
    const places = this.#worst.ascending<Place>(
      (item) => placeOf(item, item.last),
      (place) => (ends(place) ? undefined : placeBefore(place)),
    );
    for (const place of places) {
      if (place.rank >= rank) return undefined;
      if (ends(place) || (place.item === queue && place.position === position)) continue;
      found.push(place.entry);
      count--;
      bytes -= place.entry.bytes.length;
      if (count <= 0 && bytes <= 0) return found;
    }
    return undefined;
  }

  #turns(bytesMax: number): Turn[] {
    const turns: Turn[] = [];
    let left = bytesMax;
    const order = this.#best.ascending<Turn>(
      (item) => turnOf(item, 0),
      ({ item, position, skipped }) =>
        skipped || position + 1 >= item.ready ? undefined : turnOf(item, position + 1),
    );
    for (const turn of order) {
      if (left < TRANSACTION_BYTES_MIN) break;
      turn.skipped = turn.entry.bytes.length > left;
      if (turn.skipped) continue;
      left -= turn.entry.bytes.length;
      turns.push(turn);
    }
    return turns;
  }
}

function turnOf(item: SenderQueue, position: number): Turn {
  const entry = known(item.at(position));
  return { item, entry, position, rank: -entry.rate, tie: entry.order, skipped: false };
}

function placeOf(item: SenderQueue, waiting: Waiting | undefined): Place {
  const entry = known(waiting);
  const position = item.position(entry.transaction.nonce);
  const rank = evictionRank(position < item.ready, entry.rate);
  return { item, entry, position, rank, tie: -entry.order };
}

function placeBefore({ item, position }: Place): Place | undefined {
  const entry = item.before(position);
  return entry === undefined ? undefined : placeOf(item, entry);
}

/** What stands behind a gap may never be executed: it goes before all that can be, and pushes none of that out. */
function evictionRank(ready: boolean, rate: number): number {
  return ready ? rate : -1 / (1 + rate);
}

function known(entry: Waiting | undefined): Waiting {
  if (entry === undefined) throw new Error('invariant broken: a ranked sender has a line');
  return entry;
}
