import { strict as assert } from 'node:assert';
import type { DiskStep } from '../../../consensus/pos/memory-disk.ts';
import { MemoryPosDisk } from '../../../consensus/pos/memory-disk.ts';
import { PROTECTION_FILE } from '../../../consensus/pos/protection.ts';
import { WAL_FILE } from '../../../consensus/pos/wal.ts';
import type { Signer } from '../../../consensus/signer.ts';
import { sameChain } from './pos-app.ts';
import { Witness } from './pos-witness.ts';
import { type TestEngine, World } from './pos-world.ts';

const heightOf = ({ app }: TestEngine) => app.head()?.height ?? 0;

describe('pos: crashes (P20, P22, P23)', () => {
  /** Four validators, of which the first loses power at the `at`-th step of its disk. */
  async function run(at: number): Promise<{ crashed: boolean; world: World }> {
    const world = new World(4, at + 1);
    const witness = new Witness();
    const signers = world.validators.signers.map((signer) => witness.watch(signer));
    let steps = 0;
    let off = false;
    const before = (_step: DiskStep, name: string) => {
      if (off) throw new Error('no power');
      if (name !== WAL_FILE && name !== PROTECTION_FILE) return;
      if (victim !== undefined && ++steps === at) {
        off = true;
        world.net.leave('n0');
        throw new Error('no power');
      }
    };
    let victim: TestEngine | undefined;
    const [first, ...others] = signers;
    assert.ok(first !== undefined);
    const disk = new MemoryPosDisk({ random: world.random, before });
    await world.protect(disk, first);
    const options = { emptyBlocks: true, blockIntervalMs: 20 };
    const nodes: TestEngine[] = [];
    for (const [i, signer] of others.entries()) {
      nodes.push(await world.start({ id: `n${i + 1}`, signer, options }));
    }
    victim = await world.start({ id: 'n0', signer: first, disk, options });
    await world.until(() => off || (victim !== undefined && heightOf(victim) >= 6));
    const crashed = off;
    const found = crashed ? world.crash(victim) : disk;
    const store = { blocks: [...victim.app.store.blocks] };
    off = true;
    await victim.engine.stop();
    off = false;
    steps = Number.NEGATIVE_INFINITY;
    if (!crashed) world.net.leave('n0');
    const again = await world.start({ id: 'n0', signer: first, disk: found, store, options });
    nodes.push(again);
    const target = Math.max(...nodes.map(heightOf)) + 4;
    await world.until(() => nodes.every((node) => heightOf(node) >= target));
    for (const a of nodes) {
      assert.deepEqual(a.bugs, []);
      assert.deepEqual(a.engine.misbehaviour(), []);
      for (const b of nodes) assert.ok(sameChain(a.app.store, b.app.store));
    }
    assert.equal(again.engine.posFigures().mode, 'signing');
    assert.ok(witness.count > 0);
    await world.stopAll();
    return { crashed, world };
  }

  it('never signs two things, whichever write the power fails at', async () => {
    let at = 1;
    for (; (await run(at)).crashed; at++);
    assert.ok(at > 30, `only ${at} writes`);
  }).timeout(120_000);

  it('goes on after all lost power at once', async () => {
    for (let seed = 1; seed <= 10; seed++) await outages(seed);
  }).timeout(60_000);
});

/** All validators lose power together, four times, at odd moments. */
async function outages(seed: number): Promise<void> {
  const world = new World(4, seed);
  const witness = new Witness();
  const signers = world.validators.signers.map((signer) => witness.watch(signer));
  const start = async (signer: Signer, i: number, from?: TestEngine) => {
    const left = from && { disk: from.disk.crash(), store: { blocks: [...from.app.store.blocks] } };
    return await world.start({ id: `n${i}`, signer, options: { emptyBlocks: true }, ...left });
  };
  let nodes = await Promise.all(signers.map((signer, i) => start(signer, i)));
  const reach = async (more: number) => {
    const target = Math.max(...nodes.map(heightOf)) + more;
    await world.until(() => nodes.every((node) => heightOf(node) >= target));
  };
  for (let outage = 0; outage < 4; outage++) {
    await reach(1);
    await world.pass(Math.floor(world.random() * 6));
    for (const node of nodes) world.net.leave(node.id);
    const before = nodes;
    nodes = await Promise.all(signers.map((signer, i) => start(signer, i, before[i])));
    for (const { engine } of before) await engine.stop();
  }
  await reach(3);
  for (const { bugs } of nodes) assert.deepEqual(bugs, []);
  await world.stopAll();
}
