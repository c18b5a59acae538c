import type { Logger } from '../../base/log.ts';
import type { Signing } from './signing.ts';
import type { Wal, WalBody } from './wal.ts';

/**
 * The log as the host uses it: a disk that fails silences the node for good and is not written again (P34). A node
 * without a key has none, because it says nothing that it could contradict.
 */
export class Journal {
  readonly #log: Logger;
  readonly #signing: Signing | undefined;
  #wal: Wal | undefined;

  constructor(log: Logger, kept?: { readonly wal: Wal; readonly signing: Signing }) {
    this.#log = log;
    this.#wal = kept?.wal;
    this.#signing = kept?.signing;
  }

  start(height: number): void {
    this.#wal?.start(height);
  }

  core(height: number, entry: Uint8Array): void {
    this.#wal?.appendCore(height, entry);
  }

  body(height: number, body: WalBody): void {
    this.#wal?.appendBody(height, body);
  }

  /** Makes everything durable; undefined when it is already. Afterwards the disk may have failed. */
  flush(): Promise<void> | undefined {
    return this.#wal?.dirty ? this.#flush(this.#wal) : undefined;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#wal?.close();
    this.#wal = undefined;
  }

  async #flush(wal: Wal): Promise<void> {
    try {
      await wal.flush();
    } catch (err) {
      if (this.#wal === undefined) return;
      this.#wal = undefined;
      this.#log.error({ err }, 'log of the engine not written');
      this.#signing?.silence('disk');
      // What it holds is left as it is; closing may fail for the same reason.
      await wal.close().catch((error: unknown) => this.#log.debug({ err: error }, 'not closed'));
    }
  }
}
