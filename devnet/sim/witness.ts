import type { FinalNotice } from '../../chain/index.ts';
import type { Signer } from '../../consensus/index.ts';
import type { Fault, PeerId } from '../../net/index.ts';
import { decodeCanonical } from '../../receipt/index.ts';
import type { SimClock } from './clock.ts';
import { short, type Transcript } from './transcript.ts';

/** A rule of docs/spec/sim.md that did not hold; for each there is a change of production code that breaks it (Q17). */
export interface Violation {
  readonly rule: string;
  readonly message: string;
}

/** A height as the network saw it become final first. */
export interface FirstFinal {
  readonly id: Uint8Array;
  readonly node: PeerId;
  /** True time, in Unix milliseconds. */
  readonly at: number;
  readonly notice: FinalNotice;
}

/** What a correct node answered a client that handed in a transaction. */
export interface Accepted {
  readonly id: Uint8Array;
  readonly bytes: Uint8Array;
  readonly node: PeerId;
  readonly life: number;
  /** True time, in Unix milliseconds. */
  readonly at: number;
}

/** Sees what correct nodes do, through all their lives, and checks at once what can be checked at once. */
export class Witness {
  readonly violations: Violation[] = [];
  readonly finals = new Map<number, FirstFinal>();
  readonly accepted: Accepted[] = [];
  /** Heights of the transactions that are final, by id in hex. */
  readonly executed = new Map<string, number>();
  readonly #clock: SimClock;
  readonly #transcript: Transcript;
  readonly #isCorrect: (node: PeerId) => boolean;
  readonly #signed = new Map<string, string>();
  /** Newest height that a node showed as final. */
  readonly #shown = new Map<PeerId, number>();

  constructor(clock: SimClock, transcript: Transcript, isCorrect: (node: PeerId) => boolean) {
    this.#clock = clock;
    this.#transcript = transcript;
    this.#isCorrect = isCorrect;
  }

  violated(rule: string, message: string): void {
    this.#transcript.note('checks', `${rule}: ${message}`);
    this.violations.push({ rule, message });
  }

  /** Q2, Q4. */
  final(node: PeerId, notice: FinalNotice): void {
    const { height, id, transactions } = notice;
    this.#transcript.note(
      node,
      `final ${height} ${short(id)}, ${transactions.length} transactions`,
    );
    if (!this.#isCorrect(node)) return;
    const first = this.finals.get(height);
    if (first === undefined) {
      this.finals.set(height, { id, node, at: this.#clock.wall(), notice });
      for (const each of transactions) this.executed.set(Buffer.from(each).toString('hex'), height);
    } else if (Buffer.compare(first.id, id) !== 0) {
      const both = `${short(first.id)} at ${first.node}, ${short(id)} at ${node}`;
      this.violated('Q2', `two blocks are final at height ${height}: ${both}`);
    }
    const before = this.#shown.get(node) ?? 0;
    if (height !== before + 1) {
      this.violated('Q4', `${node} shows ${height} as final after ${before}`);
    }
    this.#shown.set(node, height);
  }

  /** Q4: a node that comes up knows all that it ever showed, but what its store holds may be one block more. */
  cameUp(node: PeerId, height: number): void {
    if (!this.#isCorrect(node)) return;
    const before = this.#shown.get(node) ?? 0;
    if (height < before) {
      this.violated('Q4', `${node} came up at height ${height} and had shown ${before} as final`);
    }
    this.#shown.set(node, Math.max(before, height));
  }

  /** Q7: the key of a correct validator, watched. */
  watch(node: PeerId, signer: Signer): Signer {
    return {
      publicKey: signer.publicKey,
      sign: async (domain, network, bytes) => {
        this.#signing(node, bytes);
        return await signer.sign(domain, network, bytes);
      },
    };
  }

  /** Q14: whoever keeps the rules is never held to have broken them. */
  blamed(by: PeerId, peer: PeerId, fault: Fault): void {
    this.#transcript.note(by, `blames ${peer}: ${fault}`);
    if (this.#isCorrect(by) && this.#isCorrect(peer)) {
      this.violated('Q14', `${by} reports ${peer}, which is correct: ${fault}`);
    }
  }

  /** Q15. */
  bug(node: PeerId, bug: unknown): void {
    const text = bug instanceof Error ? (bug.stack ?? bug.message) : String(bug);
    this.#transcript.note(node, `bug: ${bug instanceof Error ? bug.message : text}`);
    if (this.#isCorrect(node)) this.violated('Q15', `${node} found a bug in itself: ${text}`);
  }

  #signing(node: PeerId, bytes: Uint8Array): void {
    const [step, height, round] = decodeCanonical(bytes) ?? [];
    const place = `${node} ${String(height)}/${String(round)}/${String(step)}`;
    const text = Buffer.from(bytes).toString('hex');
    const before = this.#signed.get(place);
    if (before === undefined) this.#signed.set(place, text);
    else if (before !== text) {
      this.violated('Q7', `${place} (height/round/type) is signed twice: ${before} and ${text}`);
    }
  }
}
