import { strict as assert } from 'node:assert';
import {
  decodeSyncAnswer,
  encodeSyncAnswer,
  encodeSyncRequest,
} from '../../../consensus/pos/wire.ts';
import { sameChain } from './pos-app.ts';
import { type TestEngine, World } from './pos-world.ts';

const heightOf = ({ app }: TestEngine) => app.head()?.height ?? 0;
/** `[16711680]`: a head that nobody has. */
const GREAT_HEAD = new Uint8Array([0x81, 0x1a, 0, 0xff, 0, 0]);
const options = { emptyBlocks: true, blockIntervalMs: 50 };

describe('pos: sync (P32)', () => {
  let world: World;
  beforeEach(() => {
    world = new World(4);
  });
  afterEach(() => world.stopAll());

  const reach = (nodes: readonly TestEngine[], height: number) =>
    world.until(() => nodes.every((node) => heightOf(node) >= height));

  it('lets a late observer follow from the first block on', async () => {
    const nodes = await world.startAll(options);
    await reach(nodes, 200);
    const observer = await world.start({ id: 'late', options });
    await world.until(() => observer.engine.posFigures().catchingUp);
    assert.ok(heightOf(observer) < heightOf(nodes[0] as TestEngine));
    await world.until(() => heightOf(observer) >= heightOf(nodes[0] as TestEngine) - 1);
    await world.until(() => !observer.engine.posFigures().catchingUp);
    const { syncedBlocks, mode } = observer.engine.posFigures();
    assert.ok(syncedBlocks >= 200);
    assert.equal(mode, 'observer');
    const target = heightOf(observer) + 20;
    await reach([observer], target);
    // It hears the votes themselves: hardly anything comes by sync once it has caught up.
    assert.ok(observer.engine.posFigures().syncedBlocks < syncedBlocks + 5);
    assert.ok(sameChain(observer.app.store, (nodes[0] as TestEngine).app.store));
    assert.deepEqual(world.net.reports, []);
  });

  it('lets a validator that was away catch up and vote again', async () => {
    const nodes = await world.startAll(options);
    await reach(nodes, 3);
    const away = nodes[3] as TestEngine;
    const disk = world.crash(away);
    await away.engine.stop();
    const rest = nodes.slice(0, 3);
    await reach(rest, 40);
    const signer = world.validators.signers[3];
    assert.ok(signer !== undefined);
    const store = { blocks: [...away.app.store.blocks] };
    const back = await world.start({ id: 'n3', signer, disk, store, options });
    await world.until(() => heightOf(back) >= heightOf(rest[0] as TestEngine) - 1);
    // Without it there is no quorum any more.
    const gone = rest[0] as TestEngine;
    world.crash(gone);
    await gone.engine.stop();
    await reach([back, ...rest.slice(1)], heightOf(back) + 5);
    assert.equal(back.engine.posFigures().mode, 'signing');
  });

  it('stops without a quorum and goes on when it is back', async () => {
    const nodes = await world.startAll(options);
    await reach(nodes, 3);
    const links = new Set(['n0', 'n1']);
    world.net.fate = ({ from, to }) =>
      links.has(from) === links.has(to) ? { delayMs: 1 } : undefined;
    await world.pass(1_000);
    const before = nodes.map(heightOf);
    await world.pass(20_000);
    assert.deepEqual(nodes.map(heightOf), before);
    world.net.fate = () => ({ delayMs: 1 });
    await reach(nodes, Math.max(...before) + 5);
  });

  it('passes over a peer that does not answer', async () => {
    const nodes = await world.startAll(options);
    await reach(nodes, 30);
    world.net.fate = ({ from, channel }) =>
      channel === 'answers' && from !== 'n2' ? undefined : { delayMs: 1 };
    const observer = await world.start({ id: 'late', options });
    await world.until(() => heightOf(observer) >= 30);
    assert.deepEqual(world.net.reports, []);
  });

  it('blames nobody for an answer to an earlier request, however many blocks it has', async () => {
    const nodes = await world.startAll(options);
    await reach(nodes, 30);
    let first: Uint8Array | undefined;
    let repeated = 0;
    world.net.fate = (frame) => {
      const { to, channel, bytes } = frame;
      if (to !== 'late' || channel === 'status') return { delayMs: 1 };
      // Only by sync can it follow, and its second request is answered with what the first one was.
      if (channel !== 'answers') return undefined;
      first ??= bytes;
      if (bytes !== first && repeated++ === 0) Object.assign(frame, { bytes: first });
      return { delayMs: 1 };
    };
    const observer = await world.start({ id: 'late', links: ['n0'], options });
    await reach([observer], 60);
    assert.ok(repeated > 1);
    assert.deepEqual(world.net.reports, []);
  });

  it('holds a false block against its sender and asks elsewhere', async () => {
    const nodes = await world.startAll(options);
    await reach(nodes, 30);
    const [first] = (nodes[0] as TestEngine).app.store.blocks;
    assert.ok(first !== undefined);
    world.net.fate = (frame) => {
      if (frame.channel === 'answers' && frame.from === 'n0') {
        const certificate = Uint8Array.from(first.evidence.bytes);
        certificate[certificate.length - 1] = (certificate.at(-1) ?? 0) ^ 1;
        const forged = encodeSyncAnswer({
          request: 1,
          blocks: [{ bytes: first.bytes, certificate }],
        });
        Object.assign(frame, { bytes: forged });
      }
      return { delayMs: 1 };
    };
    const observer = await world.start({ id: 'late', options });
    await world.until(() => heightOf(observer) >= 30);
    assert.deepEqual(world.net.reports, [{ by: 'late', peer: 'n0', fault: 'invalid' }]);
  });

  it('does not stay with one that claims a great height and gives a block at a time', async () => {
    const nodes = await world.startAll(options);
    await reach(nodes, 80);
    world.net.fate = (frame) => {
      if (frame.from !== 'n3') return { delayMs: 1 };
      if (frame.channel === 'status') Object.assign(frame, { bytes: GREAT_HEAD });
      if (frame.channel !== 'answers') return { delayMs: 1 };
      const { request, blocks } = decodeSyncAnswer(frame.bytes) ?? { request: 0, blocks: [] };
      Object.assign(frame, { bytes: encodeSyncAnswer({ request, blocks: blocks.slice(0, 1) }) });
      return { delayMs: 1_500 };
    };
    const observer = await world.start({ id: 'late', options });
    await world.until(() => heightOf(observer) >= 80, 10_000);
    assert.deepEqual(world.net.reports, []);
  });

  it('is not held up by strangers that are silent and come back under other names', async () => {
    const nodes = await world.startAll(options);
    await reach(nodes, 150);
    const observer = await world.start({ id: 'late', options });
    let names = 0;
    const come = () => {
      const { clock } = world;
      for (let i = 0; i < 3; i++) {
        const name = `stranger${names++}`;
        const stranger = world.net.join(name, undefined, ['late']);
        clock.schedule(clock.monotonic() + 1_900, () => world.net.leave(name));
        stranger.onPeer({
          connected: (link) => void link.send('status', GREAT_HEAD, 'normal'),
          disconnected: () => {},
        });
      }
      clock.schedule(clock.monotonic() + 1_700, come);
    };
    come();
    await world.until(() => heightOf(observer) >= 150, 15_000);
    assert.ok(names >= 3);
  });

  it('calls it a flood when a peer asks for more than it takes', async () => {
    const [node] = await world.startAll(options);
    await reach([node as TestEngine], 3);
    Object.assign((node as TestEngine).app, { block: () => new Promise(() => {}) });
    const stranger = world.net.join('stranger', undefined, ['n0']);
    stranger.onPeer({
      connected: (link) => {
        for (let request = 1; request <= 20; request++) {
          void link.send('sync', encodeSyncRequest({ request, from: 1, count: 64 }), 'normal');
        }
        void link.send('sync', new Uint8Array([1, 2, 3]), 'normal');
        void link.send('status', new Uint8Array([9]), 'normal');
      },
      disconnected: () => {},
    });
    await world.pass(50);
    const faults = new Set(world.net.reports.map(({ fault }) => fault));
    assert.deepEqual([...faults].sort(), ['flood', 'malformed']);
  });

  it('is not held up by a peer that claims to be ahead', async () => {
    const liar = world.net.join('liar', undefined);
    liar.onPeer({
      connected: (link) => void link.send('status', GREAT_HEAD, 'normal'),
      disconnected: () => {},
    });
    const nodes = await world.startAll(options);
    await reach(nodes, 20);
    const { peerHeight, catchingUp } = (nodes[0] as TestEngine).engine.posFigures();
    assert.ok(peerHeight > 1_000_000);
    assert.equal(
      catchingUp,
      false,
      'what a peer merely says is no reason to say that we are behind',
    );
  });
});
