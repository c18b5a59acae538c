// SPDX-License-Identifier: Apache-2.0
/** Numbered writes: each is in the log once, whatever is repeated (CK5, CK6). */
import type { Submitted } from '../api/index.ts';
import { toHex } from '../base/bytes.ts';
import { isRefusedForGood } from './cluster-errors.ts';
import type {
  ClusterCallOptions,
  ClusterClient,
  ClusterSubmitOptions,
  Session,
  SessionOptions,
  Settled,
} from './cluster-types.ts';
import { clientError, RpcError } from './errors.ts';
import type { DigestSubmission } from './types.ts';

const ID = /^[A-Za-z0-9_-]{1,40}$/;
const ID_BYTES = 16;

type Write = Omit<DigestSubmission, 'idempotencyKey'>;

/** A write whose caller was told that its outcome is unknown. */
interface Unsettled {
  readonly sequence: number;
  readonly write: Write;
}

export function createSession(
  client: Pick<ClusterClient, 'submit'>,
  {
    id = toHex(crypto.getRandomValues(new Uint8Array(ID_BYTES))),
    next = 1,
    inFlightMax = 1,
  }: SessionOptions,
): Session {
  const isWhole = (value: number) => Number.isSafeInteger(value) && value >= 1;
  if (!ID.test(id) || !isWhole(next) || !isWhole(inFlightMax)) {
    throw clientError(
      'client/invalid-argument',
      'a session has an id of 1 to 40 letters, digits, - and _, and numbers from 1 on',
    );
  }
  return new NumberedSession(client, { id, next, inFlightMax });
}

class NumberedSession implements Session {
  readonly id: string;
  readonly #client: Pick<ClusterClient, 'submit'>;
  readonly #inFlightMax: number;
  readonly #unsettled: Unsettled[] = [];
  /** Whoever waits for a place, in their order. */
  readonly #queue: (() => void)[] = [];
  #next: number;
  #inFlight = 0;
  #settling: Promise<readonly Settled[]> | undefined;

  constructor(client: Pick<ClusterClient, 'submit'>, options: Required<SessionOptions>) {
    this.#client = client;
    this.id = options.id;
    this.#next = options.next;
    this.#inFlightMax = options.inFlightMax;
  }

  get next(): number {
    return this.#next;
  }

  async submit(
    write: Write,
    options: ClusterSubmitOptions = {},
  ): Promise<Submitted & { readonly sequence: number }> {
    await this.#enter();
    try {
      await this.#settleFirst(options);
      const sequence = this.#next++;
      try {
        return { ...(await this.#send({ sequence, write }, options)), sequence };
      } catch (error) {
        if (isOpen(error)) this.#unsettled.push({ sequence, write });
        throw error;
      }
    } finally {
      this.#leave();
    }
  }

  settle(options: ClusterCallOptions = {}): Promise<readonly Settled[]> {
    this.#settling ??= this.#settleAll(options).finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  /** CK6: nothing is sent behind a write that may or may not be in the log. */
  async #settleFirst(options: ClusterCallOptions): Promise<void> {
    if (this.#unsettled.length === 0) return;
    try {
      await this.settle(options);
    } catch (cause) {
      const [first] = this.#unsettled;
      throw clientError(
        'client/session-unsettled',
        `what became of write ${first?.sequence ?? 0} of this session is still unknown; nothing of this one was sent`,
        cause,
      );
    }
  }

  /** In their order. Rejects when one cannot be settled now. */
  async #settleAll(options: ClusterCallOptions): Promise<readonly Settled[]> {
    const settled: Settled[] = [];
    this.#unsettled.sort((a, b) => a.sequence - b.sequence);
    for (let first = this.#unsettled[0]; first !== undefined; first = this.#unsettled[0]) {
      const { sequence } = first;
      try {
        settled.push({ sequence, submitted: await this.#send(first, options) });
      } catch (error) {
        // That this try was not taken says nothing of the one before.
        if (!(error instanceof RpcError && isRefusedForGood(error))) throw error;
        settled.push({ sequence, error });
      }
      this.#unsettled.shift();
    }
    return settled;
  }

  #send({ sequence, write }: Unsettled, options: ClusterSubmitOptions): Promise<Submitted> {
    const idempotencyKey = `${this.id}/${sequence}`;
    return this.#client.submit({ ...write, idempotencyKey }, options);
  }

  #enter(): Promise<void> {
    if (this.#inFlight < this.#inFlightMax) {
      this.#inFlight++;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#queue.push(resolve));
  }

  /** The place goes to whoever waits longest. */
  #leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#inFlight--;
    else next();
  }
}

/** Anything but a node's word that it was not taken, or that nothing was sent: who gives up does not know. */
function isOpen(error: unknown): boolean {
  if (!(error instanceof RpcError)) return true;
  return error.rpcCode === 0 && error.code !== 'client/invalid-argument';
}
