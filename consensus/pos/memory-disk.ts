import type { PosDisk, PosFile } from './disk.ts';

/** Something the disk does to a file; a test may fail it or pull the plug there. */
export type DiskStep = 'append' | 'sync' | 'truncate' | 'replace';

export interface MemoryDiskOptions {
  /** Uniform in [0, 1): how much of what was not synced survives a crash. */
  readonly random: () => number;
  /** Called before each step; what it throws is the disk's error. */
  readonly before?: (step: DiskStep, name: string) => void;
}

/** A file: the first `size` bytes of `bytes`, of which a crash leaves the first `synced` alone. */
interface Content {
  bytes: Uint8Array;
  size: number;
  synced: number;
}

/**
 * A disk in memory that loses what was not synced and tears what was being written, for tests and simulation.
 */
export class MemoryPosDisk implements PosDisk {
  readonly #options: MemoryDiskOptions;
  readonly #files = new Map<string, Content>();

  constructor(options: MemoryDiskOptions) {
    this.#options = options;
  }

  async open(name: string): Promise<PosFile | undefined> {
    const content = this.#files.get(name);
    return content === undefined ? undefined : this.#fileOf(name, content);
  }

  async replace(name: string, bytes: Uint8Array): Promise<PosFile> {
    this.#options.before?.('replace', name);
    const content = contentOf(bytes);
    this.#files.set(name, content);
    return this.#fileOf(name, content);
  }

  /** What is there now, for tests that look or damage. */
  bytesOf(name: string): Uint8Array | undefined {
    const content = this.#files.get(name);
    return content?.bytes.slice(0, content.size);
  }

  /** What a crash now would surely leave of it. */
  syncedBytesOf(name: string): Uint8Array | undefined {
    const content = this.#files.get(name);
    return content?.bytes.slice(0, Math.min(content.size, content.synced));
  }

  /** A file as somebody else left it, whole and durable. */
  put(name: string, bytes: Uint8Array): void {
    this.#files.set(name, contentOf(bytes));
  }

  remove(name: string): void {
    this.#files.delete(name);
  }

  /**
   * The disk as a machine finds it that lost power now: of what was not synced, any number of first bytes survive, the
   * last sector of them possibly as garbage. Files opened before belong to the machine that is gone.
   */
  crash(): MemoryPosDisk {
    const next = new MemoryPosDisk(this.#options);
    for (const [name, content] of this.#files) {
      next.#files.set(name, contentOf(this.#survives(content)));
    }
    return next;
  }

  #survives({ bytes, size, synced }: Content): Uint8Array {
    const { random } = this.#options;
    if (size <= synced) return bytes.slice(0, random() < 0.5 ? size : synced);
    const kept = synced + Math.floor(random() * (size - synced + 1));
    const torn = bytes.slice(0, kept);
    if (random() < 0.5) torn.fill(0, synced + Math.floor(random() * (kept - synced + 1)));
    return torn;
  }

  #fileOf(name: string, content: Content): PosFile {
    const before = (step: DiskStep) => this.#options.before?.(step, name);
    return {
      read: async () => content.bytes.slice(0, content.size),
      append: async (bytes) => {
        before('append');
        append(content, bytes);
      },
      truncate: async (size) => {
        before('truncate');
        content.size = size;
      },
      sync: async () => {
        before('sync');
        content.synced = content.size;
      },
      close: async () => {},
    };
  }
}

function contentOf(bytes: Uint8Array): Content {
  return { bytes: Uint8Array.from(bytes), size: bytes.length, synced: bytes.length };
}

function append(content: Content, bytes: Uint8Array): void {
  const size = content.size + bytes.length;
  if (size > content.bytes.length) {
    const grown = new Uint8Array(2 * size);
    grown.set(content.bytes.subarray(0, content.size));
    content.bytes = grown;
  }
  content.bytes.set(bytes, content.size);
  content.synced = Math.min(content.synced, content.size);
  content.size = size;
}
