import { equalBytes, toHex } from '../../base/bytes.ts';
import { assert } from '../../base/errors.ts';
import type { BftInput, BftValidator } from '../../native/index.ts';
import type { BlockVerdict } from '../engine.ts';
import { Bodies, type Body, Early } from './bodies.ts';
import { keyOf } from './cbor.ts';
import type { Journal } from './journal.ts';
import type { PosOptions } from './options.ts';
import type { Peer, Peers } from './peers.ts';
import type { WorkQueue } from './queue.ts';
import type { Relay } from './relay.ts';
import { indexOfKey } from './signing.ts';
import type { HostParts } from './types.ts';
import type { WalBody } from './wal.ts';
import { proposalFrame } from './wire.ts';

/** Peers whose body behind one proposal is tried when another's was not its body. */
const CANDIDATES_MAX = 4;

/** An input of one height, which means nothing once that is over. */
export type TimedInput = Exclude<BftInput, { readonly kind: 'message' | 'start-height' }>;

/** A verified proposal and the bytes that came behind it (P27). */
export interface Proposal {
  readonly height: number;
  readonly round: number;
  /** undefined: fresh. */
  readonly polRound: number | undefined;
  readonly id: Uint8Array;
  readonly proposer: Uint8Array;
  readonly message: Uint8Array;
  readonly body: Uint8Array;
  readonly peer: Peer;
  /** Unix milliseconds. */
  readonly receivedAt: number;
}

export interface ProposalsDeps extends Pick<HostParts, 'app' | 'chain' | 'clock' | 'log'> {
  readonly peers: Peers;
  readonly relay: Relay;
  readonly journal: Journal;
  /** Uses of the app, one at a time. */
  readonly lane: WorkQueue;
  /** Gives the core an input, in its turn. */
  readonly feed: (input: TimedInput) => void;
  /** The round of this height that is under way; undefined when the height is not. */
  readonly roundOf: (height: number) => number | undefined;
  readonly self: Uint8Array | undefined;
}

/** What a body is to the proposal that it came with. */
type Judgement =
  /** Not its body: somebody put other bytes behind it. */
  | { readonly kind: 'foreign'; readonly reason: string }
  /** Its body; nobody must vote for it here. */
  | { readonly kind: 'invalid' | 'untimely'; readonly reason: string }
  | { readonly kind: 'valid' };

/** Builds blocks and judges those of others, for the height under way (P22, P25, P27). */
export class Proposals {
  readonly bodies = new Bodies();
  readonly #deps: ProposalsDeps;
  readonly #options: PosOptions;
  readonly #early = new Early<Proposal>();
  /** Proposals that the core knows a verdict of. */
  readonly #judged = new Set<string>();
  /** Candidates for the body of a proposal that is being judged. */
  readonly #candidates = new Map<string, Proposal[]>();
  #validators: readonly BftValidator[] = [];
  #height = 0;

  constructor(deps: ProposalsDeps, options: PosOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** A height has begun; what came early is judged now. */
  begin(height: number, validators: readonly BftValidator[]): void {
    this.#height = height;
    this.#validators = validators;
    for (const proposal of this.#early.take(height)) this.receive(proposal);
  }

  /** A height is over. */
  end(): void {
    this.bodies.clear();
    this.#judged.clear();
    this.#candidates.clear();
    this.#height = 0;
  }

  /** Executes again what the log holds of a height (P23). */
  async restore(bodies: readonly WalBody[]): Promise<void> {
    for (const { round, own, bytes } of bodies) {
      const verdict = await this.#deps.app.validate(bytes);
      if (!verdict.ok) {
        this.#deps.log.error({ reason: verdict.reason }, 'logged block is not valid any more');
        continue;
      }
      const body = { info: verdict.block, proposer: verdict.proposer, bytes };
      this.bodies.restore(body);
      if (own) this.bodies.setOwn(round, body.info.id);
      this.bodies.setDurable(verdict.block.id);
    }
  }

  /** A block that the app can commit: executed again when so many others were since that it may have let go of it. */
  async executed(id: Uint8Array): Promise<Body | undefined> {
    const body = this.bodies.get(id);
    if (body === undefined || !this.bodies.isOld(id)) return body;
    const verdict = await this.#deps.app.validate(body.bytes);
    assert(verdict.ok, 'a block that was valid on the head is valid on it still');
    return body;
  }

  /** Takes a proposal that the core did not refuse. */
  receive(proposal: Proposal): void {
    const { height, round, peer } = proposal;
    if (height > this.#height || this.#height === 0) {
      const isSame = (other: Proposal) =>
        other.height === height && other.round === round && other.peer === peer;
      this.#early.add(proposal, isSame);
      return;
    }
    const name = nameOf(proposal);
    if (height < this.#height || this.#judged.has(name)) return;
    const waiting = this.#candidates.get(name);
    if (waiting === undefined) {
      this.#candidates.set(name, []);
      this.#deps.lane.push(() => this.#judge(name, proposal));
    } else if (waiting.length < CANDIDATES_MAX && !waiting.some((other) => other.peer === peer)) {
      waiting.push(proposal);
    }
  }

  /** Builds a block for this round, or takes the one built for it before (P23). */
  build(height: number, round: number): void {
    const own = this.bodies.own(round);
    if (own !== undefined) {
      this.#deps.feed({ kind: 'propose', height, round, id: own });
      return;
    }
    const { app, clock, lane } = this.#deps;
    const ahead = (app.head()?.time ?? 0) + 1 - clock.wall();
    const build = () => lane.push(() => this.#build(height, round));
    if (ahead <= 0) {
      build();
      return;
    }
    // P25: time does not run backwards, and a block of a time to come would be refused.
    clock.schedule(clock.monotonic() + Math.min(ahead, this.#options.clockWaitMsMax), build);
  }

  async #build(height: number, round: number): Promise<void> {
    const { app, clock, feed, journal, roundOf, self } = this.#deps;
    if (roundOf(height) !== round || self === undefined) return;
    const proposer = indexOfKey(this.#validators, self);
    const parentEvidence = app.head()?.evidence;
    const time = Math.floor(clock.wall());
    const { bytes, ...info } = await app.propose({ height, time, proposer, parentEvidence });
    if (roundOf(height) === undefined) return;
    this.bodies.addOwn(round, { info, proposer, bytes });
    journal.body(height, { round, own: true, bytes });
    await journal.flush();
    this.bodies.setDurable(info.id);
    feed({ kind: 'propose', height, round, id: info.id });
  }

  async #judge(name: string, first: Proposal): Promise<void> {
    for (let proposal: Proposal | undefined = first; proposal !== undefined; ) {
      if (this.#deps.roundOf(proposal.height) === undefined) return;
      const judgement = await this.#judgementOf(proposal);
      if (judgement.kind !== 'foreign') {
        await this.#tell(name, proposal, judgement);
        return;
      }
      this.#deps.peers.report(proposal.peer, 'invalid', judgement.reason);
      proposal = this.#candidates.get(name)?.shift();
    }
    this.#candidates.delete(name);
  }

  async #tell(name: string, proposal: Proposal, judgement: Judgement): Promise<void> {
    const { feed, journal, log, peers, relay, roundOf } = this.#deps;
    const { height, round, polRound, proposer, id, body, message, peer } = proposal;
    if (roundOf(height) === undefined) return;
    this.#judged.add(name);
    this.#candidates.delete(name);
    const valid = judgement.kind === 'valid';
    if (valid && !this.bodies.isDurable(id)) {
      journal.body(height, { round, own: false, bytes: body });
      await journal.flush();
      this.bodies.setDurable(id);
    }
    if (!valid && 'reason' in judgement) {
      const { kind, reason } = judgement;
      log.warn({ height, round, proposer: toHex(proposer), kind, reason }, 'proposal refused');
    }
    feed({ kind: 'value', height, round, validRound: polRound ?? -1, proposer, id, valid });
    if (judgement.kind === 'invalid') peers.report(peer, 'invalid', judgement.reason);
    else {
      const spoken = { height, round, author: keyOf(proposer) };
      relay.forward(() => proposalFrame(message, body), peer, spoken);
    }
  }

  async #judgementOf(proposal: Proposal): Promise<Judgement> {
    const known = this.bodies.get(proposal.id);
    if (known !== undefined) {
      this.bodies.touch(known);
      return this.#judgeKnown(proposal, known.proposer, known.info.time);
    }
    const verdict = await this.#deps.app.validate(proposal.body);
    if (!verdict.ok) return judgeRefused(proposal, verdict);
    const { block, proposer } = verdict;
    if (!equalBytes(block.id, proposal.id)) return foreign('body of another block');
    if (block.height !== proposal.height)
      return { kind: 'invalid', reason: 'block of another height' };
    this.bodies.add({ info: block, proposer, bytes: proposal.body });
    return this.#judgeKnown(proposal, proposer, block.time);
  }

  #judgeKnown(proposal: Proposal, proposer: number, time: number): Judgement {
    if (proposal.polRound !== undefined) return { kind: 'valid' };
    const named = this.#validators[proposer]?.key;
    if (named === undefined || !equalBytes(named, proposal.proposer)) {
      return { kind: 'invalid', reason: 'header names another proposer (P27)' };
    }
    const { maxDelayMs, precisionMs } = this.#deps.chain;
    const { receivedAt } = proposal;
    const late = receivedAt - maxDelayMs - precisionMs > time;
    if (!late && time <= receivedAt + precisionMs) return { kind: 'valid' };
    return { kind: 'untimely', reason: `block time ${time}, received at ${receivedAt} (P25)` };
  }
}

function judgeRefused(
  proposal: Proposal,
  { reason, id }: Extract<BlockVerdict, { readonly ok: false }>,
): Judgement {
  const isThisBlock = id !== undefined && equalBytes(id, proposal.id);
  return isThisBlock ? { kind: 'invalid', reason } : foreign(`body is no valid block: ${reason}`);
}

function foreign(reason: string): Judgement {
  return { kind: 'foreign', reason };
}

function nameOf({ height, round, polRound, id }: Proposal): string {
  return `${height}/${round}/${polRound ?? '-'}/${keyOf(id)}`;
}
