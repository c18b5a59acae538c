import { PyralogError } from '../../base/errors.ts';
import {
  minimumFee,
  signTransaction,
  type TransactionBody,
  transactionId,
} from '../../chain/index.ts';
import type { Signer } from '../../consensus/index.ts';
import type { Cast } from './cast.ts';
import type { SimClock } from './clock.ts';
import type { Machine } from './node-machine.ts';
import { pickInt, pickOne } from './random.ts';
import { short, type Transcript } from './transcript.ts';
import type { Witness } from './witness.ts';

/** A client hands a transaction in again when the node that took it is not the same any more. */
const AGAIN_MS = 1_000;

export interface WorkloadDeps {
  readonly clock: SimClock;
  readonly random: () => number;
  readonly cast: Cast;
  readonly witness: Witness;
  readonly transcript: Transcript;
  /** Correct machines. */
  readonly machines: readonly Machine[];
}

/** Clients: they send money and digests through random correct nodes. */
export class Workload {
  readonly #deps: WorkloadDeps;
  readonly refusals = new Map<string, number>();
  /** Mean time between transactions. */
  readonly #everyMs: number;
  #running = true;

  constructor(deps: WorkloadDeps, everyMs: number) {
    this.#deps = deps;
    this.#everyMs = everyMs;
    this.#next();
    this.#again();
  }

  /** No new transactions. What was lost with a node is still handed in again. */
  stop(): void {
    this.#running = false;
  }

  #next(): void {
    const { clock, random } = this.#deps;
    clock.schedule(clock.monotonic() + 2 * random() * this.#everyMs, () => {
      if (!this.#running) return;
      void this.#submitOne();
      this.#next();
    });
  }

  async #submitOne(): Promise<void> {
    const { cast, random, machines } = this.#deps;
    const ready = machines.filter(({ life, paused }) => life !== undefined && !paused);
    if (ready.length === 0) return;
    const machine = pickOne(random, ready);
    const payer = pickOne(random, cast.payers);
    const body = this.#body();
    const until = random() < 0.05 ? machine.height + 3 : 0;
    const nonce = (await machine.life?.chain.reader.nextNonce(payer.publicKey)) ?? 0n;
    const bytes = await this.#sign(payer, { body, nonce, until });
    await this.#submit(machine, bytes);
  }

  #body(): TransactionBody {
    const { cast, random } = this.#deps;
    if (random() < 0.5) {
      const multihash = new Uint8Array(34).map(() => Math.floor(random() * 256));
      multihash.set([0x12, 0x20]);
      return { kind: 'notarize', multihash };
    }
    const strange = new Uint8Array(32).fill(pickInt(random, 1, 5));
    const to = random() < 0.5 ? strange : pickOne(random, cast.payers).publicKey;
    return { kind: 'transfer', to, amount: BigInt(pickInt(random, 1, 1_000_000)) };
  }

  async #sign(
    payer: Signer,
    { body, nonce, until }: { body: TransactionBody; nonce: bigint; until: number },
  ): Promise<Uint8Array> {
    const { cast } = this.#deps;
    const sender = payer.publicKey;
    const { parameters } = cast.genesis.chain;
    const draft = { sender, nonce, fee: 1_000_000n, until, body };
    const size = (await signTransaction(draft, cast.network, payer)).bytes.length;
    const fee = minimumFee(size, parameters);
    return (await signTransaction({ ...draft, fee }, cast.network, payer)).bytes;
  }

  async #submit(machine: Machine, bytes: Uint8Array): Promise<void> {
    const { clock, transcript, witness } = this.#deps;
    const life = machine.lives;
    try {
      const id = await machine.submit(bytes);
      if (machine.life === undefined || machine.lives !== life) return;
      transcript.note('clients', `${machine.id} takes ${short(id)}`);
      witness.accepted.push({ id, bytes, node: machine.id, life, at: clock.wall() });
    } catch (error) {
      const code = error instanceof PyralogError ? error.code : 'down';
      if (machine.life !== undefined && !(error instanceof PyralogError)) {
        witness.bug(machine.id, error);
      }
      transcript.note('clients', `${machine.id} refuses ${short(transactionId(bytes))}: ${code}`);
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    }
  }

  /** What was taken by a node that is gone is handed in elsewhere: its word went with it. */
  #again(): void {
    const { clock, machines, random, witness } = this.#deps;
    clock.schedule(clock.monotonic() + AGAIN_MS, () => {
      const lost = new Map<string, Uint8Array>();
      for (const { id, bytes, node, life } of witness.accepted) {
        const name = Buffer.from(id).toString('hex');
        const isThere = machines.some((one) => one.id === node && one.hasRun(life));
        if (!(isThere || witness.executed.has(name))) lost.set(name, bytes);
      }
      const ready = machines.filter(({ life, paused }) => life !== undefined && !paused);
      for (const bytes of lost.values()) {
        if (ready.length > 0) void this.#submit(pickOne(random, ready), bytes);
      }
      this.#again();
    });
  }
}
