import { toHex } from '../../base/bytes.ts';
import { assert } from '../../base/errors.ts';
import type { BftCore, BftEffect, BftSign } from '../../native/index.ts';
import type { BlockInfo, EngineFigures, ValidatorInfo } from '../engine.ts';
import { FinalStream } from '../final-stream.ts';
import { applySynced } from './apply.ts';
import { Driver, Misbehaviour } from './driver.ts';
import { Inbound, type Received } from './inbound.ts';
import { Intake } from './intake.ts';
import { Journal } from './journal.ts';
import type { PosOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { Pace } from './pace.ts';
import { Peers } from './peers.ts';
import { Proposals, type ProposalsDeps, type TimedInput } from './proposals.ts';
import { WorkQueue } from './queue.ts';
import { Relay } from './relay.ts';
import type { Signing } from './signing.ts';
import { type Applied, BlockSync } from './sync.ts';
import { Timers } from './timers.ts';
import type { HostParts, PosFigures } from './types.ts';
import type { Wal, WalHeight } from './wal.ts';
import type { SyncedBlock } from './wire.ts';

/** What {@link Run} begins with: all of it opened, all of it closed by {@link Run.stop}. */
export interface RunStart {
  readonly core: BftCore;
  /** A node with a key. */
  readonly voter:
    | {
        readonly signing: Signing;
        readonly wal: Wal;
        readonly heights: ReadonlyMap<number, WalHeight>;
      }
    | undefined;
}

/**
 * One run of the engine, from start to stop: takes heights one after the other from beginning to commit.
 *
 * Two queues keep order: `queue` feeds the core (P20), `lane` uses the app, so that votes are counted while a block is
 * being executed. A height is `idle` until there is a reason to begin it, `running` while it is voted on, `committing`
 * from its decision on.
 */
export class Run {
  readonly stream: FinalStream;
  readonly misbehaviour = new Misbehaviour();
  readonly #parts: HostParts;
  readonly #options: PosOptions;
  readonly #core: BftCore;
  readonly #signing: Signing | undefined;
  readonly #journal: Journal;
  readonly #logged: Map<number, WalHeight>;
  readonly #queue: WorkQueue;
  readonly #lane: WorkQueue;
  readonly #peers: Peers;
  readonly #relay: Relay;
  readonly #timers: Timers;
  readonly #sync: BlockSync;
  readonly #proposals: Proposals;
  readonly #driver: Driver;
  readonly #intake: Intake;
  readonly #inbound: Inbound;
  readonly #outbox: Outbox;
  readonly #pace: Pace;
  readonly #fail: (bug: unknown) => void;
  #phase: 'idle' | 'running' | 'committing' = 'idle';
  #height = 0;
  /** Newest height whose commit has returned, or that was final at the start. */
  #finishedHeight: number;
  #round = 0;
  #rounds = 0;
  #beganAt = 0;
  #decisionSeconds = 0;
  #stopping: Promise<void> | undefined;

  /** `fail`: told of every bug; stops the engine. */
  constructor(
    parts: HostParts,
    options: PosOptions,
    start: RunStart,
    fail: (bug: unknown) => void,
  ) {
    const { app, clock, log, network } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#finishedHeight = app.head()?.height ?? 0;
    this.#core = start.core;
    this.#fail = fail;
    this.#signing = start.voter?.signing;
    this.#journal = new Journal(log, start.voter);
    this.#logged = new Map(start.voter?.heights);
    this.#queue = new WorkQueue(fail);
    this.#lane = new WorkQueue(fail);
    this.#peers = new Peers(network, log);
    this.#relay = new Relay(this.#peers);
    this.#timers = new Timers(clock, options.timeouts);
    this.stream = new FinalStream(app);
    this.#sync = this.#makeSync();
    this.#proposals = this.#makeProposals();
    this.#outbox = this.#makeOutbox();
    this.#driver = this.#makeDriver();
    this.#intake = this.#makeIntake();
    this.#inbound = this.#makeInbound();
    this.#pace = new Pace({ app, clock, begin: () => this.#begin() }, options);
  }

  /** Resolves when what the log holds of the height under way was said again, and peers are heard. */
  async start(): Promise<void> {
    if (this.#logged.has(this.#head() + 1)) {
      this.#begin();
      await this.#lane.idle();
      await this.#queue.idle();
    }
    if (this.#stopping !== undefined) return;
    this.#peers.start({
      connected: (peer) => {
        this.#outbox.connected(peer);
        this.#sync.connected(peer);
      },
      disconnected: (peer) => this.#sync.disconnected(peer),
      frame: (peer, frame) => this.#inbound.frame(peer, frame),
      room: () => this.#queue.room(),
      bug: this.#fail,
    });
    this.#pace.start();
    this.#outbox.start();
  }

  figures(): EngineFigures {
    return {
      height: Math.max(this.#height, this.#head()),
      round: this.#round,
      rounds: this.#rounds,
      refusedMessages: this.#intake.refusedMessages,
      decisionSeconds: this.#decisionSeconds,
    };
  }

  posFigures(): PosFigures {
    return {
      mode: this.#signing === undefined ? 'observer' : (this.#signing.mute ?? 'signing'),
      peerHeight: this.#sync.peerHeight(),
      catchingUp: this.#sync.catchingUp,
      peerHeads: this.#sync.peerHeads(),
      syncedBlocks: this.#sync.syncedBlocks,
      misbehaviour: this.misbehaviour.total,
      relayed: this.#relay.relayed,
      droppedFrames: this.#peers.droppedFrames,
    };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#outbox.stop();
    this.#pace.stop();
    this.#sync.stop();
    this.#timers.cancelAll();
    await this.#lane.idle();
    await this.#queue.idle();
    await this.#lane.idle();
    this.#peers.stop();
    this.#timers.cancelAll();
    this.stream.end();
    this.#core.close();
    await this.#journal.close();
    await this.#signing?.close();
  }

  #head(): number {
    return this.#parts.app.head()?.height ?? 0;
  }

  // Heights

  /** Begins the height above the head, unless one is under way. */
  #begin(): void {
    if (this.#phase !== 'idle' || this.#stopping !== undefined) return;
    // The app shows a block a moment before its commit returns; {@link #finished} goes on from there. To begin already
    // would begin the height twice, and the second time without what was logged the first time.
    if (this.#head() !== this.#finishedHeight) return;
    const height = this.#head() + 1;
    const validators = this.#parts.app.validators(height);
    assert(
      validators !== undefined,
      `the app knows who validates the block above its head, ${height}`,
    );
    this.#phase = 'running';
    this.#height = height;
    this.#round = 0;
    this.#pace.begun();
    const logged = this.#logged.get(height);
    if (logged === undefined) {
      this.#queue.push(() => this.#beginCore(height, validators, undefined));
      return;
    }
    this.#lane.push(async () => {
      await this.#proposals.restore(logged.bodies);
      this.#queue.push(() => this.#beginCore(height, validators, logged.entries));
    });
  }

  async #beginCore(
    height: number,
    validators: readonly ValidatorInfo[],
    entries: readonly Uint8Array[] | undefined,
  ): Promise<void> {
    if (this.#phase !== 'running' || this.#height !== height) return; // it came by sync
    this.#beganAt = this.#parts.clock.monotonic();
    this.#journal.start(height);
    this.#proposals.begin(height, validators);
    if (entries === undefined)
      await this.#driver.feed({ kind: 'start-height', height, validators });
    else await this.#driver.replay({ height, validators }, entries);
  }

  #finalize(effect: Extract<BftEffect, { readonly kind: 'finalize' }>): void {
    this.misbehaviour.add(effect.evidence);
    for (const { kind, validator } of effect.evidence) {
      this.#parts.log.warn({ kind, validator: toHex(validator) }, 'validator signed two things');
    }
    if (effect.height !== this.#height || this.#phase !== 'running') return;
    this.#phase = 'committing';
    this.#timers.cancelAll();
    this.#lane.push(() => this.#commit(effect));
  }

  /** Makes a decided block final (P33). */
  async #commit({ height, id, certificate }: Extract<BftEffect, { readonly kind: 'finalize' }>) {
    if (this.#head() + 1 !== height) return;
    const body = await this.#proposals.executed(id);
    if (body === undefined) {
      this.#parts.log.warn({ height, id: toHex(id) }, 'decided block is not here');
      return this.#sync.consider();
    }
    await this.#parts.app.commit(id, { scheme: 'pos', bytes: certificate });
    this.#finished(body.info);
  }

  #finished({ height }: BlockInfo): void {
    const final = this.#parts.app.head();
    assert(final?.height === height, `the app shows block ${height} once it has committed it`);
    this.#phase = 'idle';
    this.#finishedHeight = height;
    this.#timers.cancelAll();
    this.#proposals.end();
    this.#relay.finished(height);
    for (const logged of this.#logged.keys()) if (logged <= height) this.#logged.delete(logged);
    this.stream.append(final);
    this.#outbox.finished();
    this.#pace.finished();
    this.#sync.consider();
    this.#next();
  }

  #next(): void {
    if (this.#phase !== 'idle' || this.#sync.applying || this.#stopping !== undefined) return;
    if (this.#intake.heardHeight > this.#head() || this.#logged.has(this.#head() + 1))
      this.#begin();
    else this.#pace.wait();
  }

  // The core

  /** Gives the core an input in its turn, unless its height is over by then. */
  #feed(input: TimedInput): void {
    const height = input.kind === 'timeout' ? input.timeout.height : input.height;
    this.#queue.push(async () => {
      if (height > this.#head()) await this.#driver.feed(input);
    });
  }

  async #message(received: Received): Promise<void> {
    if (this.#stopping !== undefined || !(await this.#intake.take(received))) return;
    if (received.info.height === this.#head() + 1) this.#begin();
  }

  // Parts

  #makeSync(): BlockSync {
    const { app, chain, clock, log } = this.#parts;
    const finished = (block: BlockInfo) => this.#finished(block);
    const applyDeps = { app, chain, log, signing: this.#signing, finished };
    const apply = (height: number, block: SyncedBlock) =>
      new Promise<Applied>((resolve, reject) => {
        this.#lane.push(() => applySynced(applyDeps, height, block).then(resolve, reject));
      });
    const deps = { app, clock, log, apply, peers: this.#peers, onBug: this.#fail };
    return new BlockSync({ ...deps, idle: () => this.#next() }, this.#options);
  }

  #makeProposals(): Proposals {
    const { app, chain, clock, log } = this.#parts;
    const roundOf = (height: number) =>
      this.#phase === 'running' && this.#height === height && this.#stopping === undefined
        ? this.#round
        : undefined;
    const deps = { app, chain, clock, log, roundOf, self: this.#signing?.key, lane: this.#lane };
    const feed: ProposalsDeps['feed'] = (input) => this.#feed(input);
    const shared = { peers: this.#peers, relay: this.#relay, journal: this.#journal };
    return new Proposals({ ...deps, ...shared, feed }, this.#options);
  }

  #makeDriver(): Driver {
    const hooks = {
      publish: (effect: Extract<BftEffect, { readonly kind: 'publish' }>) =>
        this.#outbox.publish(effect),
      build: (height: number, round: number) => this.#proposals.build(height, round),
      roundStarted: ({ round }: { readonly round: number }) => {
        this.#round = round;
        this.#rounds++;
      },
      decided: () => {
        this.#decisionSeconds = (this.#parts.clock.monotonic() - this.#beganAt) / 1_000;
      },
      finalize: (effect: Extract<BftEffect, { readonly kind: 'finalize' }>) =>
        this.#finalize(effect),
      rang: (timeout: TimedInput) => this.#feed(timeout),
      signs: ({ id }: BftSign) => {
        if (id !== undefined) this.#proposals.bodies.voted(id);
      },
    };
    const shared = { core: this.#core, journal: this.#journal, signing: this.#signing };
    return new Driver({ ...shared, timers: this.#timers, log: this.#parts.log, hooks });
  }

  #makeOutbox(): Outbox {
    const { clock, log } = this.#parts;
    const shared = { clock, log, peers: this.#peers, relay: this.#relay };
    const head = () => this.#head();
    const told = () => this.#sync.consider();
    const { bodies } = this.#proposals;
    return new Outbox({ ...shared, bodies, head, told }, this.#options.statusMs);
  }

  #makeIntake(): Intake {
    const { clock } = this.#parts;
    const shared = { clock, peers: this.#peers, relay: this.#relay, driver: this.#driver };
    return new Intake({ ...shared, proposals: this.#proposals, head: () => this.#head() });
  }

  #makeInbound(): Inbound {
    return new Inbound({
      peers: this.#peers,
      relay: this.#relay,
      sync: this.#sync,
      head: () => this.#head(),
      self: this.#signing?.key,
      received: (received) => this.#queue.push(() => this.#message(received)),
      ownSeen: (peer, message) =>
        this.#queue.push(async () => {
          if ((await this.#signing?.seen(message)) === false) {
            this.#peers.report(peer, 'invalid', 'forged message of this node');
          }
        }),
    });
  }
}
