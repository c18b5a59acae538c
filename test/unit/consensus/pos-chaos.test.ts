import { strict as assert } from 'node:assert';
import { sameChain } from './pos-app.ts';
import type { Fate, Passing } from './pos-net.ts';
import { Witness } from './pos-witness.ts';
import { type TestEngine, World } from './pos-world.ts';

const RUNS = Number(process.env['RUNS'] ?? 12);
const FIRST = Number(process.env['SEED'] ?? 1);
const heightOf = ({ app }: TestEngine) => app.head()?.height ?? 0;
const options = { emptyBlocks: true };

/** Four validators and an observer among lost and late frames, partitions and power cuts. */
class Chaos {
  readonly world: World;
  readonly #random: () => number;
  readonly #witness = new Witness();
  readonly #nodes: TestEngine[] = [];
  #cut = new Set<string>();
  #calm = false;

  constructor(seed: number) {
    this.world = new World(4, seed);
    this.#random = this.world.random;
    this.world.net.fate = (frame) => this.#fate(frame);
  }

  async run(): Promise<void> {
    for (let i = 0; i < 5; i++) await this.#start(i, undefined);
    for (let turn = 0; turn < 12; turn++) {
      await this.world.pass(50 + this.#random() * 1_500);
      const what = this.#random();
      if (what < 0.5) await this.#powerCut(Math.floor(this.#random() * 5));
      else this.#cut = new Set(['n0', 'n1', 'n2', 'n3', 'n4'].filter(() => this.#random() < 0.4));
      this.#check();
    }
    this.#calm = true;
    const target = Math.max(...this.#nodes.map(heightOf)) + 5;
    await this.world.until(() => this.#nodes.every((node) => heightOf(node) >= target), 120_000);
    this.#check();
    await this.world.stopAll();
  }

  async #start(i: number, from: TestEngine | undefined): Promise<void> {
    const signer = this.world.validators.signers[i];
    const key = signer === undefined ? {} : { signer: this.#witness.watch(signer) };
    const left = from && { disk: from.disk.crash(), store: { blocks: [...from.app.store.blocks] } };
    this.#nodes[i] = await this.world.start({ id: `n${i}`, options, ...key, ...left });
  }

  async #powerCut(i: number): Promise<void> {
    const node = this.#nodes[i];
    assert.ok(node !== undefined);
    this.world.net.leave(node.id);
    await this.#start(i, node);
    await node.engine.stop();
  }

  #check(): void {
    assert.deepEqual(this.#witness.contradictions, []);
    for (const a of this.#nodes) {
      assert.deepEqual(a.bugs, []);
      assert.deepEqual(a.engine.misbehaviour(), []);
      for (const b of this.#nodes) assert.ok(sameChain(a.app.store, b.app.store), 'one chain');
    }
    assert.deepEqual(this.world.net.reports, [], 'nobody here is at fault');
  }

  #fate({ from, to }: Passing): Fate {
    if (this.#calm) return { delayMs: 1 };
    if (this.#cut.has(from) !== this.#cut.has(to) || this.#random() < 0.15) return undefined;
    return { delayMs: this.#random() * 30 };
  }
}

describe('pos: chaos', () => {
  it('one chain whatever happens, and it goes on afterwards', async () => {
    for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
      try {
        await new Chaos(seed).run();
      } catch (error) {
        throw new Error(`SEED=${seed} RUNS=1`, { cause: error });
      }
    }
  }).timeout(600_000);
});
