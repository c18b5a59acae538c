import { PyralogError } from '../base/errors.ts';
import { inTurn } from '../base/in-turn.ts';
import type { Clock } from '../base/time.ts';
import type { Signer } from '../consensus/index.ts';
import { encodeTransaction, minimumFee, signTransaction } from './codec/transaction.ts';
import { chainError } from './errors.ts';
import type { ChainParameters, ChainReader, TransactionBody } from './types.ts';

export interface AccountSenderDeps {
  readonly clock: Clock;
  /** Network id (I3). */
  readonly network: string;
  readonly parameters: Pick<ChainParameters, 'feeBase' | 'feePerByte'>;
  /** Holds the account's key. */
  readonly signer: Signer;
  readonly reader: Pick<ChainReader, 'nextNonce' | 'transaction'>;
  /** Into the mempool here and to the peers; rejects with a code of chain/. */
  readonly submit: (transaction: Uint8Array) => Promise<void>;
  /** Calls back once a block is final and shows in the reader. */
  readonly onFinal: (listener: () => void) => () => void;
  /** Most that one transaction may pay, whatever the chain or what waits with its nonce asks for; absent: no such bound. */
  readonly feeMax?: bigint;
}

export interface Sent {
  readonly id: Uint8Array;
  readonly nonce: bigint;
}

/** A fee is raised to replace what waits with the same nonce (X18), but not beyond so many times the minimum. */
const FEE_TIMES_MAX = 16n;
/** Somebody else sends for this account, too, if the nonce was taken so often. */
const RACES_MAX = 8;
/** Without blocks nothing tells that a transaction was dropped. */
const LOOK_MS = 1_000;

/**
 * Sends transactions of one account, and follows each until it is final (A6).
 *
 * Several tasks share the account, and after a restart what the last run sent may still wait somewhere. So nonces are given one at a time,
 * taken ones are tried again, and a transaction behind a gap, lost or pushed out, is reported as lost for its task to send again.
 */
export class AccountSender {
  readonly #deps: AccountSenderDeps;
  readonly #wakers = new Set<() => void>();
  readonly #unsubscribe: () => void;
  readonly #inTurn = inTurn();
  #stopped = false;

  constructor(deps: AccountSenderDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.onFinal(() => this.#wake());
  }

  get account(): Uint8Array {
    return this.#deps.signer.publicKey;
  }

  /** Signs and hands in. Rejects with the mempool's reason. */
  send(body: TransactionBody): Promise<Sent> {
    return this.#inTurn(() => this.#send(body));
  }

  /** Where it stands for good; undefined when it was lost on the way. Rejects with `chain/stopped`. */
  async outcome(sent: Sent): Promise<{ readonly height: number } | undefined> {
    for (;;) {
      // Listened to before the look: what changes in between is not missed.
      const change = this.#nextChange();
      try {
        const found = await this.#look(sent);
        if (found !== 'pending') return found;
        await change.seen;
      } finally {
        change.forget();
      }
      this.checkRunning();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#wake();
  }

  checkRunning(): void {
    if (this.#stopped) throw chainError('chain/stopped', 'the node stops');
  }

  async #send(body: TransactionBody): Promise<Sent> {
    const { network, signer, submit, reader } = this.#deps;
    const least = this.#leastFee(body);
    const raised = least * FEE_TIMES_MAX;
    const { feeMax = raised } = this.#deps;
    const most = feeMax < raised ? feeMax : raised;
    if (least > most) throw tooDear(most, least);
    let fee = least;
    for (let races = 0; ; races++) {
      this.checkRunning();
      const nonce = await reader.nextNonce(this.account);
      const unsigned = { sender: this.account, nonce, fee, until: 0, body };
      const { id, bytes } = await signTransaction(unsigned, network, signer);
      try {
        await submit(bytes);
        return { id, nonce };
      } catch (error) {
        if (races >= RACES_MAX) throw error;
        fee = retryFee(error, fee, most);
      }
    }
  }

  /** X3, of the longest form that the transaction can have. */
  #leastFee(body: TransactionBody): bigint {
    const signature = new Uint8Array(64);
    const largest = { sender: this.account, nonce: 2n ** 62n, fee: 2n ** 62n, until: 0, body };
    const { length } = encodeTransaction({ ...largest, signature });
    return minimumFee(length, this.#deps.parameters);
  }

  async #look({ id, nonce }: Sent): Promise<{ readonly height: number } | 'pending' | undefined> {
    const { reader } = this.#deps;
    const status = await reader.transaction(id);
    if (status.state === 'final') return { height: status.height };
    if (status.state !== 'pending') return undefined;
    // What stood before it is gone: in this place it would wait for ever.
    return (await reader.nextNonce(this.account)) < nonce ? undefined : 'pending';
  }

  /** `seen` resolves with the next block, after a while, or when the node stops. */
  #nextChange(): { readonly seen: Promise<void>; readonly forget: () => void } {
    const { clock } = this.#deps;
    let forget = () => {};
    const seen = new Promise<void>((resolve) => {
      const wake = () => {
        forget();
        resolve();
      };
      const cancel = clock.schedule(clock.monotonic() + LOOK_MS, wake);
      forget = () => {
        cancel();
        this.#wakers.delete(wake);
      };
      this.#wakers.add(wake);
    });
    if (this.#stopped) this.#wake();
    return { seen, forget };
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}

function tooDear(fee: bigint, minimum: bigint): PyralogError {
  const message = `the chain asks for a fee of at least ${minimum}, and ${fee} is the most that may be paid here (A6)`;
  return chainError('chain/fee-too-low', message, { data: { fee, minimum } });
}

/** The fee to try again with; throws what cannot be helped by trying. */
function retryFee(error: unknown, fee: bigint, most: bigint): bigint {
  if (!(error instanceof PyralogError)) throw error;
  if (error.code === 'chain/bad-nonce') return fee;
  const minimum = error.data['minimum'];
  const affordable = typeof minimum === 'bigint' && minimum > fee && minimum <= most;
  if (error.code === 'chain/fee-too-low' && affordable) return minimum;
  throw error;
}
