import type { Clock } from '../../base/time.ts';
import type {
  KeyRange,
  KeyValue,
  KeyValueEntry,
  KeyValueOp,
  KeyValueSnapshot,
} from '../../storage/index.ts';

type Entries = Map<string, KeyValueEntry>;

export interface StoreManner {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Longest time a batch takes, in milliseconds. */
  readonly batchMsMax: number;
}

/**
 * What a machine's key-value store holds, through all its lives. A batch is all or nothing: a crash before its end leaves
 * either (X21).
 */
export class SimStore {
  readonly #entries: Entries = new Map();
  readonly #manner: StoreManner;
  readonly #underWay = new Set<readonly KeyValueOp[]>();

  constructor(manner: StoreManner) {
    this.#manner = manner;
  }

  /** For one life of the machine. */
  mount(clock: Clock): KeyValue {
    return {
      ...readerOf(this.#entries),
      batch: (ops) => this.#batch(ops, clock),
      snapshot: (): KeyValueSnapshot => ({
        ...readerOf(new Map(this.#entries)),
        close: async () => {},
      }),
      close: async () => {},
    };
  }

  /** Power is lost now. */
  crash(): void {
    for (const ops of this.#underWay) if (this.#manner.random() < 0.5) this.#apply(ops);
    this.#underWay.clear();
  }

  async #batch(ops: readonly KeyValueOp[], clock: Clock): Promise<void> {
    const copied = ops.map(copyOf);
    const ms = Math.floor(this.#manner.random() * (this.#manner.batchMsMax + 1));
    if (ms > 0) {
      this.#underWay.add(copied);
      await new Promise<void>((resolve) => {
        clock.schedule(clock.monotonic() + ms, resolve);
      });
      this.#underWay.delete(copied);
    }
    this.#apply(copied);
  }

  #apply(ops: readonly KeyValueOp[]): void {
    for (const op of ops) {
      const name = nameOf(op.key);
      if (op.kind === 'put') this.#entries.set(name, [op.key, op.value]);
      else this.#entries.delete(name);
    }
  }
}

function readerOf(entries: Entries): Pick<KeyValue, 'get' | 'getMany' | 'range'> {
  const get = (key: Uint8Array) => entries.get(nameOf(key))?.[1];
  return {
    get: async (key) => get(key),
    getMany: async (keys) => keys.map(get),
    range: (range) => rangeOf(entries, range),
  };
}

async function* rangeOf(entries: Entries, range: KeyRange): AsyncGenerator<KeyValueEntry> {
  const { from, to, reverse = false, limit = Number.POSITIVE_INFINITY, signal } = range;
  const [first, last] = [from, to].map((key) => (key === undefined ? undefined : nameOf(key)));
  const names = [...entries.keys()].filter(
    (name) => (first === undefined || name >= first) && (last === undefined || name < last),
  );
  names.sort();
  if (reverse) names.reverse();
  const found = names.slice(0, limit).map((name) => entries.get(name));
  for (const entry of found) {
    signal?.throwIfAborted();
    if (entry !== undefined) yield entry;
  }
}

function copyOf(op: KeyValueOp): KeyValueOp {
  const key = Uint8Array.from(op.key);
  return op.kind === 'put'
    ? { kind: 'put', key, value: Uint8Array.from(op.value) }
    : { ...op, key };
}

/** One character a byte: strings compare as the bytes do. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
