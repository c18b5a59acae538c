import { silentLogger } from '../../../base/log.ts';
import type { ValidatorInfo } from '../../../consensus/engine.ts';
import { createPosEngine } from '../../../consensus/pos/host.ts';
import { MemoryPosDisk } from '../../../consensus/pos/memory-disk.ts';
import { POS_PRESETS, type PosOptions } from '../../../consensus/pos/options.ts';
import { createProtection } from '../../../consensus/pos/protection.ts';
import type { PosDeps, PosEngine } from '../../../consensus/pos/types.ts';
import { createSeedSigner, type Signer } from '../../../consensus/signer.ts';
import { SimClock } from '../../../devnet/sim/clock.ts';
import { seededRandom } from '../../../devnet/sim/random.ts';
import { bftOrder } from '../../../native/index.ts';
import { NoteApp, type NoteStore } from './pos-app.ts';
import { TestNet } from './pos-net.ts';

export const NETWORK = 'test';

/** Four validators of equal power, in set order, and their keys. */
export interface Validators {
  readonly infos: readonly ValidatorInfo[];
  readonly signers: readonly Signer[];
}

export function validatorsOf(count: number): Validators {
  const signers = Array.from({ length: count }, (_, i) =>
    createSeedSigner(new Uint8Array(32).fill(i + 1)),
  );
  const set = bftOrder(signers.map(({ publicKey: key }) => ({ key, power: 1n })));
  const infos = set.map(({ key, power }, i) => ({ key, power, name: `v${i}` }));
  const ordered = infos.map(({ key }) => {
    const signer = signers.find(({ publicKey }) => Buffer.compare(publicKey, key) === 0);
    if (signer === undefined) throw new Error('every key has a signer');
    return signer;
  });
  return { infos, signers: ordered };
}

export interface TestEngine {
  readonly id: string;
  readonly engine: PosEngine;
  readonly app: NoteApp;
  readonly disk: MemoryPosDisk;
  readonly bugs: unknown[];
}

export interface EngineSetup {
  readonly id: string;
  readonly signer?: Signer;
  readonly disk?: MemoryPosDisk;
  readonly store?: NoteStore;
  /** Instead of a {@link NoteApp} over `store`. */
  readonly app?: NoteApp;
  readonly links?: readonly string[];
  readonly options?: Partial<PosOptions>;
  readonly clock?: PosDeps['clock'];
  readonly log?: PosDeps['log'];
}

/** Engines on virtual time over a {@link TestNet}. */
export class World {
  readonly clock = new SimClock();
  readonly net = new TestNet(this.clock);
  readonly random: () => number;
  readonly validators: Validators;
  readonly nodes = new Map<string, TestEngine>();

  constructor(count: number, seed = 1) {
    this.validators = validatorsOf(count);
    this.random = seededRandom(seed);
  }

  /** All validators, `n0` … in set order. */
  async startAll(options: Partial<PosOptions> = {}): Promise<TestEngine[]> {
    const started: TestEngine[] = [];
    for (const [i, signer] of this.validators.signers.entries()) {
      started.push(await this.start({ id: `n${i}`, signer, options }));
    }
    return started;
  }

  async newDisk(signer?: Signer): Promise<MemoryPosDisk> {
    const disk = new MemoryPosDisk({ random: this.random });
    if (signer !== undefined) await this.protect(disk, signer);
    return disk;
  }

  async protect(disk: MemoryPosDisk, { publicKey: key }: Signer): Promise<void> {
    const { random } = this;
    await createProtection({ disk, random }, { network: NETWORK, key, newValidator: true });
  }

  async start(setup: EngineSetup): Promise<TestEngine> {
    const { id, signer, options, links, log = silentLogger, clock = this.clock } = setup;
    const disk = setup.disk ?? (await this.newDisk(signer));
    const app = setup.app ?? new NoteApp(this.validators.infos, setup.store);
    const bugs: unknown[] = [];
    const network = this.net.join(id, signer?.publicKey, links);
    const chain = { network: NETWORK, maxDelayMs: 500, precisionMs: 500 };
    const key = signer === undefined ? {} : { signer };
    const onBug = (bug: unknown) => bugs.push(bug);
    const deps = { network, clock, disk, random: this.random, chain, log, onBug, ...key };
    const engine = createPosEngine(deps, { ...POS_PRESETS.fast, ...options });
    const node = { id, engine, app, disk, bugs };
    this.nodes.set(id, node);
    await engine.start(app, new AbortController().signal);
    return node;
  }

  /** The machine loses power: the engine object is abandoned as it is; its disk as it would be found is returned. */
  crash(node: TestEngine): MemoryPosDisk {
    this.net.leave(node.id);
    this.nodes.delete(node.id);
    return node.disk.crash();
  }

  /** Lets virtual time pass until the condition holds; throws when it takes longer than `msMax` of it. */
  async until(condition: () => boolean, msMax = 60_000): Promise<void> {
    const end = this.clock.monotonic() + msMax;
    for (;;) {
      await settled();
      if (condition()) return;
      if (this.clock.monotonic() > end || !this.clock.advance()) {
        throw new Error(`not in ${msMax} ms of virtual time`);
      }
    }
  }

  async pass(ms: number): Promise<void> {
    let over = false;
    this.clock.schedule(this.clock.monotonic() + ms, () => {
      over = true;
    });
    await this.until(() => over, ms + 1);
  }

  async stopAll(): Promise<void> {
    for (const { engine } of this.nodes.values()) await engine.stop();
  }
}

/** Everything that can run without time passing has run: disks and links here use microtasks alone. */
async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
