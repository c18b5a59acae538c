import type { Logger } from '../../base/log.ts';
import {
  type Chain,
  createMempool,
  type FinalNotice,
  openChain,
  startTransactionGossip,
  type TransactionGossip,
} from '../../chain/index.ts';
import {
  createPosEngine,
  createProtection,
  POS_PRESETS,
  type PosDisk,
  type PosEngine,
  type PosOptions,
  type Signer,
} from '../../consensus/index.ts';
import { type StateTree, verifyCommit } from '../../native/index.ts';
import { type MemoryHub, type Network, type PeerId, PROTOCOL_VERSION } from '../../net/index.ts';
import type { Cast } from './cast.ts';
import type { SimClock } from './clock.ts';
import type { SimDisk } from './disk.ts';
import { immediateTree, verifySignatures } from './immediate.ts';
import { MachineClock } from './machine-clock.ts';
import type { SimStore } from './store.ts';
import { type Tap, tapNetwork } from './tap.ts';

/** A peer that could not be reached is dialled again so often. */
const DIAL_RETRY_MS = 500;

/** What a simulated machine is made of and who watches it. */
export interface MachineDeps {
  readonly clock: SimClock;
  readonly hub: MemoryHub;
  readonly random: () => number;
  readonly cast: Cast;
  readonly disk: SimDisk;
  readonly store: SimStore;
  readonly log: Logger;
  /** Between this life's engine and its network. */
  readonly tap: () => Tap;
  readonly onFinal: (notice: FinalNotice) => void;
  /** Of a living machine. */
  readonly onBug: (bug: unknown) => void;
  /** It takes part; what is returned ends what was begun for this life. */
  readonly onUp: (life: Life) => (() => Promise<void>) | undefined;
}

export interface MachineOptions {
  readonly id: PeerId;
  /** Who it is dialled as, and whom it dials. */
  readonly peers: readonly PeerId[];
  /** Absent: it follows and never votes. */
  readonly voter?: Signer;
  /** Its wall clock at the start. */
  readonly wallAheadMs: number;
  readonly engine: Partial<PosOptions>;
}

/** One machine between a start and a crash: the parts that node/compose-network.ts wires together, on virtual time. */
export interface Life {
  readonly clock: MachineClock;
  readonly chain: Chain;
  readonly engine: PosEngine;
  readonly gossip: TransactionGossip;
  readonly network: Network;
  readonly tree: StateTree;
}

/** A node of the simulation through all its lives. */
export class Machine {
  readonly id: PeerId;
  readonly options: MachineOptions;
  readonly #deps: MachineDeps;
  /** Undefined while it is down or on its way up. */
  life: Life | undefined;
  lives = 0;
  paused = false;
  wallAheadMs: number;
  #clock: MachineClock | undefined;
  #tree: StateTree | undefined;
  #hasProtection = false;
  #end: (() => Promise<void>) | undefined;
  #stopping: Promise<void> | undefined;

  constructor(deps: MachineDeps, options: MachineOptions) {
    this.id = options.id;
    this.options = options;
    this.wallAheadMs = options.wallAheadMs;
    this.#deps = deps;
  }

  /** Powered: it runs, or is about to. */
  get isUp(): boolean {
    return this.#clock !== undefined;
  }

  get height(): number {
    return this.life?.chain.reader.head()?.height ?? 0;
  }

  /** Whether it is in this life of its own still, so that what it remembers in memory is there. */
  hasRun(life: number): boolean {
    return this.life !== undefined && this.lives === life;
  }

  /** Resolves when it takes part, or is dead again. */
  async start(): Promise<void> {
    // Told to start while it still stops (a paused one stops late): it starts behind that.
    if (this.#stopping !== undefined) await this.#stopping;
    if (this.isUp) return;
    this.lives++;
    const clock = new MachineClock(this.#deps.clock, this.wallAheadMs);
    this.#clock = clock;
    try {
      await this.#boot(clock);
    } catch (bug) {
      if (!clock.isDead) this.#deps.onBug(bug);
    }
  }

  /** Power is lost: nothing of it runs on, and its disks keep what was synced. */
  crash(): void {
    const clock = this.#clock;
    if (clock === undefined) return;
    clock.kill();
    this.resume();
    this.#stopping = undefined;
    this.#clock = undefined;
    this.life = undefined;
    this.#deps.hub.crash(this.id);
    this.#deps.disk.crash();
    this.#deps.store.crash();
    this.#tree?.close();
    this.#tree = undefined;
  }

  /** As an operator stops it: resolves when everything is closed. */
  async stop(): Promise<void> {
    const { life } = this;
    const clock = this.#clock;
    if (life === undefined || clock === undefined) return;
    this.life = undefined;
    this.#stopping = this.#close(life, clock);
    await this.#stopping;
    this.#stopping = undefined;
  }

  async #close(life: Life, clock: MachineClock): Promise<void> {
    await this.#end?.();
    life.gossip.stop();
    await life.engine.stop();
    await life.chain.close();
    await life.network.close();
    if (clock.isDead) return;
    clock.kill();
    this.#clock = undefined;
    this.#tree?.close();
    this.#tree = undefined;
  }

  /** Its timers stand still and what is sent to it waits, until {@link resume}. */
  pause(): void {
    if (this.paused || this.#clock === undefined) return;
    this.paused = true;
    this.#clock.pause();
    for (const peer of this.options.peers) this.#deps.hub.clog(peer, this.id);
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    for (const peer of this.options.peers) this.#deps.hub.unclog(peer, this.id);
    this.#clock?.resume();
  }

  /** Its disk is lost, and nobody noticed: it starts as if it had never voted (P26). */
  forget(): void {
    this.#deps.disk.wipe();
    this.#hasProtection = false;
  }

  setWall(aheadMs: number): void {
    this.wallAheadMs = aheadMs;
    if (this.#clock !== undefined) this.#clock.wallAheadMs = aheadMs;
  }

  /** Hands in a transaction as a client of this node does: the mempool takes it, then it is told to others. */
  async submit(bytes: Uint8Array, life = this.life): Promise<Uint8Array> {
    if (life === undefined) throw new Error('down');
    const [admission] = await life.chain.mempool.add([bytes]);
    if (admission === undefined) throw new Error('invariant broken: a mempool answers');
    if (!admission.ok) throw admission.error;
    if (admission.fresh) life.gossip.announce(admission.id);
    return admission.id;
  }

  async #boot(clock: MachineClock): Promise<void> {
    const { cast, onFinal, random } = this.#deps;
    const onBug = (bug: unknown) => {
      if (!clock.isDead) this.#deps.onBug(bug);
    };
    const tree = immediateTree();
    this.#tree = tree;
    const chain = await this.#openChain(clock, tree, onBug);
    if (clock.isDead) return;
    chain.onFinal((notice) => {
      if (!clock.isDead) onFinal(notice);
    });
    const network = this.#join(chain, onBug);
    const engine = await this.#openEngine({ clock, chain, network }, onBug);
    if (clock.isDead) return;
    const gossip = startTransactionGossip(
      { mempool: chain.mempool, gossip: network.gossip, clock, onBug, random },
      { repeatMs: 1_000 },
    );
    this.life = { clock, chain, engine, gossip, network, tree };
    for (const peer of this.options.peers) this.#dial(peer, this.life);
    this.#end = this.#deps.onUp(this.life);
    this.#deps.log.info({ height: this.height, life: this.lives }, `up on ${cast.network}`);
  }

  #openChain(clock: MachineClock, tree: StateTree, onBug: (bug: unknown) => void): Promise<Chain> {
    const { cast, log, store } = this.#deps;
    const { network } = cast;
    const { time, chain: genesisChain } = cast.genesis;
    const { parameters } = genesisChain;
    return openChain({
      store: store.mount(clock),
      tree,
      genesis: { network, time, chain: genesisChain },
      verifyCertificate: ({ height, id }, validators, certificate) =>
        verifyCommit({ network, validators, height, id, certificate }).ok,
      verifySignatures,
      openMempool: (state) =>
        createMempool({
          clock,
          state,
          network,
          parameters,
          onBug,
          verify: verifySignatures,
          defer: (task) => void Promise.resolve().then(task),
        }),
      log,
      onBug,
    });
  }

  #join(chain: Chain, onBug: (bug: unknown) => void): Network {
    const { cast, hub, log } = this.#deps;
    const { voter } = this.options;
    return hub.join(
      () => ({
        version: PROTOCOL_VERSION,
        networkId: cast.network,
        genesisHash: cast.genesisHash,
        role: voter === undefined ? 'full' : 'validator',
        ...(voter === undefined ? {} : { voteKey: voter.publicKey }),
        headHeight: chain.app.head()?.height ?? 0,
        agent: 'sim',
      }),
      { id: this.id, onBug, log, limits: { pingIdleMs: 1_000, answerMsMax: 1_000 } },
    );
  }

  async #openEngine(
    { clock, chain, network }: Pick<Life, 'clock' | 'chain' | 'network'>,
    onBug: (bug: unknown) => void,
  ): Promise<PosEngine> {
    const { cast, disk, log, random, tap } = this.#deps;
    const { voter } = this.options;
    const { maxDelayMs, precisionMs } = cast.genesis.chain.parameters;
    const mounted = disk.mount(clock);
    if (voter !== undefined) await this.#protect(mounted, voter);
    const engine = createPosEngine(
      {
        network: tapNetwork(network, tap()),
        clock,
        disk: mounted,
        random,
        ...(voter === undefined ? {} : { signer: voter }),
        chain: { network: cast.network, maxDelayMs, precisionMs },
        log,
        onBug,
      },
      { ...POS_PRESETS.fast, ...this.options.engine },
    );
    await engine.start(chain.app, new AbortController().signal);
    return engine;
  }

  /** The first time only: without its protection a node does not start again (P26). */
  async #protect(disk: PosDisk, { publicKey: key }: Signer): Promise<void> {
    if (this.#hasProtection) return;
    const { cast, random } = this.#deps;
    await createProtection({ disk, random }, { network: cast.network, key, newValidator: true });
    this.#hasProtection = true;
  }

  #dial(peer: PeerId, life: Life): void {
    if (life.clock.isDead) return;
    life.network.dial(`/memory/${peer}/p2p/${peer}`, new AbortController().signal).catch(() => {
      // Down, cut off, or it banned us: as every node, it tries again.
      const { clock } = life;
      clock.schedule(clock.monotonic() + DIAL_RETRY_MS, () => this.#dial(peer, life));
    });
  }
}
