import { strict as assert } from 'node:assert';
import type { Clock } from '../../../base/time.ts';
import { type DiskStep, MemoryPosDisk } from '../../../consensus/pos/memory-disk.ts';
import { POS_PRESETS } from '../../../consensus/pos/options.ts';
import { PROTECTION_FILE } from '../../../consensus/pos/protection.ts';
import { timeoutMs } from '../../../consensus/pos/timers.ts';
import { WAL_FILE } from '../../../consensus/pos/wal.ts';
import { decodeConsensusFrame, readSigned } from '../../../consensus/pos/wire.ts';
import type { Signer } from '../../../consensus/signer.ts';
import type { Passing } from './pos-net.ts';
import { Rogue } from './pos-rogue.ts';
import { type TestEngine, World } from './pos-world.ts';

const heightOf = ({ app }: TestEngine) => app.head()?.height ?? 0;
const options = { emptyBlocks: true, blockIntervalMs: 20 };

/** Whether a frame carries a vote or a proposal of this key. */
function isSignedBy({ channel, bytes }: Passing, { publicKey }: Signer): boolean {
  const frame = channel === 'consensus' ? decodeConsensusFrame(bytes) : undefined;
  if (frame === undefined || frame.kind === 'heard') return false;
  const signed = readSigned(frame.message);
  return signed !== undefined && Buffer.compare(signed.validator, publicKey) === 0;
}

describe('pos: host', () => {
  let world: World;
  beforeEach(() => {
    world = new World(4);
  });
  afterEach(() => world.stopAll());

  const reach = (nodes: readonly TestEngine[], height: number) =>
    world.until(() => nodes.every((node) => heightOf(node) >= height));
  const signerOf = (index: number): Signer => {
    const signer = world.validators.signers[index];
    assert.ok(signer !== undefined);
    return signer;
  };

  describe('keys (P26)', () => {
    it('does not start with a key and without protection', async () => {
      const disk = new MemoryPosDisk({ random: world.random });
      const starting = world.start({ id: 'n0', signer: signerOf(0), disk });
      await assert.rejects(starting, { code: 'consensus/protection-missing' });
      world.nodes.clear();
    });

    it('stops signing, for good, when a peer shows a signature that it did not make', async () => {
      const nodes = await world.startAll(options);
      await reach(nodes, 3);
      const victim = nodes[0] as TestEngine;
      const twin = new Rogue(world, 'twin', signerOf(0), false);
      twin.say(await twin.vote(1, heightOf(victim) + 2, 3, new Uint8Array(32).fill(7)), 'n0');
      await world.until(() => victim.engine.posFigures().mode === 'protection-behind');
      const others = nodes.slice(1);
      await reach(others, Math.max(...others.map(heightOf)) + 5);
      await world.until(() => heightOf(victim) >= heightOf(others[0] as TestEngine) - 1);
      const disk = world.crash(victim);
      await victim.engine.stop();
      const store = { blocks: [...victim.app.store.blocks] };
      const again = await world.start({ id: 'n0', signer: signerOf(0), disk, store, options });
      assert.equal(again.engine.posFigures().mode, 'protection-behind');
    });

    it('stops signing when a block that it catches up with has its signature', async () => {
      const nodes = await world.startAll(options);
      await reach(nodes, 10);
      const lost = nodes[0] as TestEngine;
      world.crash(lost);
      await lost.engine.stop();
      // Everything is gone, and somebody says that the key never signed.
      const again = await world.start({ id: 'n0', signer: signerOf(0), options });
      await world.until(() => again.engine.posFigures().mode === 'protection-behind');
      await reach([again], 10);
    });

    it('finds at start that its protection is older than its chain', async () => {
      const nodes = await world.startAll(options);
      await reach(nodes, 10);
      const lost = nodes[0] as TestEngine;
      const store = { blocks: [...lost.app.store.blocks] };
      world.crash(lost);
      await lost.engine.stop();
      const again = await world.start({ id: 'n0', signer: signerOf(0), store, options });
      assert.equal(again.engine.posFigures().mode, 'protection-behind');
    });

    it('holds a forged message of its own against the peer that brought it', async () => {
      const nodes = await world.startAll(options);
      const liar = new Rogue(world, 'liar', signerOf(0), false);
      const vote = await liar.vote(1, 50, 0, null);
      vote[vote.length - 1] = (vote.at(-1) ?? 0) ^ 1;
      liar.say(vote, 'n0');
      await reach(nodes, 3);
      assert.deepEqual(world.net.reports, [{ by: 'n0', peer: 'liar', fault: 'invalid' }]);
      assert.equal(nodes[0]?.engine.posFigures().mode, 'signing');
    });
  });

  describe('disk errors (P34)', () => {
    for (const file of [WAL_FILE, PROTECTION_FILE]) {
      for (const failing of ['append', 'sync'] as const) {
        it(`signs nothing more when ${failing} of ${file} fails, and follows on`, async () => {
          let broken = false;
          const before = (step: DiskStep, name: string) => {
            if (broken && step === failing && name === file) throw new Error('EIO');
          };
          const disk = new MemoryPosDisk({ random: world.random, before });
          await world.protect(disk, signerOf(0));
          const first = await world.start({ id: 'n0', signer: signerOf(0), disk, options });
          const others: TestEngine[] = [];
          for (const i of [1, 2, 3]) {
            others.push(await world.start({ id: `n${i}`, signer: signerOf(i), options }));
          }
          await reach([first, ...others], 3);
          broken = true;
          await world.until(() => first.engine.posFigures().mode === 'disk');
          let said = 0;
          world.net.fate = (frame) => {
            if (frame.from === 'n0' && isSignedBy(frame, signerOf(0))) said++;
            return { delayMs: 1 };
          };
          await reach([first, ...others], heightOf(first) + 5);
          assert.equal(said, 0);
          assert.deepEqual(first.bugs, []);
        });
      }
    }
  });

  describe('block time (P25)', () => {
    /** A clock whose wall is ahead of the others'. */
    const aheadBy = (ms: number): Clock => ({
      monotonic: () => world.clock.monotonic(),
      wall: () => world.clock.wall() + ms,
      schedule: (at, task) => world.clock.schedule(at, task),
    });
    const startWith = async (ms: number) => {
      const nodes: TestEngine[] = [];
      for (const [i, signer] of world.validators.signers.entries()) {
        const clock = i === 0 ? { clock: aheadBy(ms) } : {};
        nodes.push(await world.start({ id: `n${i}`, signer, options, ...clock }));
      }
      return nodes;
    };
    const proposers = (node: TestEngine) =>
      new Set(
        node.app.store.blocks.map(
          ({ bytes }) => JSON.parse(Buffer.from(bytes).toString()).proposer,
        ),
      );

    it('takes blocks within the bounds of its own clock', async () => {
      const nodes = await startWith(400);
      await reach(nodes, 20);
      assert.equal(proposers(nodes[1] as TestEngine).size, 4);
    });

    it('refuses those from ahead of its time, and blames no peer that brought them', async () => {
      const nodes = await startWith(2_000);
      await reach(nodes, 20);
      assert.ok(!proposers(nodes[1] as TestEngine).has(0));
      assert.deepEqual(world.net.reports, []);
    });

    it('never goes back in time for a proposer whose clock does', async () => {
      const nodes = await startWith(-5_000);
      await reach(nodes, 20);
      const times = (nodes[1] as TestEngine).app.store.blocks.map(({ time }) => time);
      assert.ok(times.every((time, i) => time > (times[i - 1] ?? 0)));
      assert.ok(times.every((time) => time <= world.clock.wall()));
    });
  });

  describe('pace (P29)', () => {
    it('makes no block without transactions but the first, until the heartbeat', async () => {
      const nodes = await world.startAll({ heartbeatMs: 5_000 });
      await reach(nodes, 1);
      await world.pass(4_000);
      assert.deepEqual(nodes.map(heightOf), [1, 1, 1, 1]);
      await world.pass(1_500);
      assert.deepEqual(nodes.map(heightOf), [2, 2, 2, 2]);
    });

    it('makes one at once for a transaction', async () => {
      const nodes = await world.startAll({ heartbeatMs: 1_000_000 });
      await reach(nodes, 1);
      await world.pass(1_000);
      const began = world.clock.monotonic();
      for (const { app } of nodes) app.take('a');
      await world.until(() => nodes.every(({ app }) => app.transactions.includes('a')));
      assert.ok(world.clock.monotonic() - began < 20);
      await world.pass(10_000);
      assert.deepEqual(nodes.map(heightOf), [2, 2, 2, 2]);
    });

    it('waits between blocks for as long as it is told', async () => {
      const nodes = await world.startAll({ emptyBlocks: true, blockIntervalMs: 100 });
      await world.pass(2_050);
      const height = heightOf(nodes[0] as TestEngine);
      assert.ok(height >= 19 && height <= 21, `${height}`);
    });
  });

  it('waits longer in later rounds, and not without end (P28)', () => {
    for (const { timeouts } of Object.values(POS_PRESETS)) {
      for (const step of ['propose', 'prevote', 'precommit'] as const) {
        const wait = (round: number) => timeoutMs(timeouts, { step, height: 1, round });
        assert.ok(wait(1) > wait(0) && wait(2) > wait(1));
        assert.equal(wait(2 ** 31 - 1), 60_000);
      }
    }
  });

  it('decides while frames are lost and late', async () => {
    const nodes = await world.startAll(options);
    world.net.fate = () => (world.random() < 0.2 ? undefined : { delayMs: world.random() * 50 });
    await reach(nodes, 15);
    for (const { bugs } of nodes) assert.deepEqual(bugs, []);
    assert.deepEqual(world.net.reports, []);
  });
});
