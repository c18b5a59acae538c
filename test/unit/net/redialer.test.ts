import { strict as assert } from 'node:assert';
import { SimClock } from '../../../devnet/sim/clock.ts';
import { Redialer } from '../../../net/redialer.ts';
import { drive, pass } from './support.ts';

function setUp(random = () => 0.5) {
  const clock = new SimClock();
  const world = { up: false, dials: [] as number[], lasts: true };
  const redialer: Redialer = new Redialer(
    {
      clock,
      random,
      dial: async (peer) => {
        world.dials.push(clock.monotonic());
        if (!world.up) throw new Error('down');
        redialer.connected(peer);
        if (!world.lasts) redialer.lost(peer);
      },
    },
    { redialMsMin: 100, redialMsMax: 1_000, attemptsMax: 3 },
  );
  return { clock, world, redialer };
}

describe('redialer (G11)', () => {
  it('dials at once, then with waits that double up to the longest', async () => {
    const { clock, world, redialer } = setUp();
    redialer.want('p', '/a', true);
    await drive(clock, () => world.dials.length === 7);
    assert.deepEqual(world.dials, [0, 100, 300, 700, 1_500, 2_500, 3_500]);
    redialer.close();
  });

  it('spreads its waits by chance', async () => {
    for (const [random, second] of [
      [() => 0, 50],
      [() => 0.999, 149.9],
    ] as const) {
      const { clock, world, redialer } = setUp(random);
      redialer.want('p', '/a', true);
      await drive(clock, () => world.dials.length === 2);
      assert.equal(world.dials[1], second);
      redialer.close();
    }
  });

  it('stops while connected, and dials again when the peer is lost', async () => {
    const { clock, world, redialer } = setUp();
    world.up = true;
    redialer.want('p', '/a', true);
    await pass(clock, 10_000);
    assert.deepEqual(world.dials, [0]);
    redialer.lost('p');
    await drive(clock, () => world.dials.length === 2);
    assert.equal(world.dials[1], 10_100);
    redialer.close();
  });

  it('waits longer and longer for a peer that hangs up at once', async () => {
    const { clock, world, redialer } = setUp();
    world.up = true;
    world.lasts = false;
    redialer.want('p', '/a', true);
    await drive(clock, () => world.dials.length === 6);
    const waits = world.dials.slice(1).map((at, i) => at - (world.dials[i] ?? 0));
    assert.ok(
      waits.every((wait, i) => i === 0 || wait >= (waits[i - 1] ?? 0)),
      `${waits}`,
    );
    redialer.close();
  });

  it('gives up a peer that need not be kept, and takes it up again when asked', async () => {
    const { clock, world, redialer } = setUp();
    redialer.want('p', '/a', false);
    await drive(clock, () => !redialer.wants('p'));
    assert.equal(world.dials.length, 4);
    redialer.want('p', '/a', false);
    assert.equal(world.dials.length, 5);
    redialer.close();
  });

  it('hurries when told that nothing is in the way any more', async () => {
    const { clock, world, redialer } = setUp();
    redialer.want('p', '/a', true);
    await drive(clock, () => world.dials.length === 6);
    const before = clock.monotonic();
    redialer.hurry();
    await drive(clock, () => world.dials.length === 7);
    assert.equal(clock.monotonic() - before, 100);
    redialer.close();
    assert.equal(clock.advance(), false, 'nothing is left to do after it was closed');
  });
});
