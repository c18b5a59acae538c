import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { decodeConsensusFrame, readSigned } from '../../../consensus/pos/wire.ts';
import type { Signer } from '../../../consensus/signer.ts';
import { bftProposer } from '../../../native/index.ts';
import type { Channel } from '../../../net/index.ts';
import { buildBlock, sameChain } from './pos-app.ts';
import { Rogue } from './pos-rogue.ts';
import { type TestEngine, World } from './pos-world.ts';

const heightOf = ({ app }: TestEngine) => app.head()?.height ?? 0;
const options = { emptyBlocks: true, blockIntervalMs: 20 };

describe('pos: peers that break the rules (P27, P30, P31, P35)', () => {
  let world: World;
  let nodes: TestEngine[];
  let rogue: Rogue;
  let last: Signer;

  /** Three honest validators and one that does what the test says. */
  beforeEach(async () => {
    world = new World(4);
    const signers = [...world.validators.signers];
    last = signers.pop() as Signer;
    rogue = new Rogue(world, 'n3', last);
    nodes = [];
    for (const [i, signer] of signers.entries()) {
      nodes.push(await world.start({ id: `n${i}`, signer, options }));
    }
  });
  afterEach(async () => {
    for (const a of nodes) {
      assert.deepEqual(a.bugs, []);
      for (const b of nodes) assert.ok(sameChain(a.app.store, b.app.store));
    }
    await world.stopAll();
  });

  const reach = (height: number) =>
    world.until(() => nodes.every((node) => heightOf(node) >= height));
  const top = () => Math.max(...nodes.map(heightOf));
  const faults = () => [...new Set(world.net.reports.map(({ peer, fault }) => `${peer} ${fault}`))];

  /** The next height and round 0 in which the rogue is to propose. */
  function turn(): number {
    let height = top() + 3;
    const isIts = (at: number) =>
      Buffer.compare(bftProposer(world.validators.infos, at, 0), last.publicKey) === 0;
    while (!isIts(height)) height++;
    return height;
  }

  it('go on without it', async () => {
    await reach(20);
    assert.deepEqual(world.net.reports, []);
  });

  it('report garbage on every channel, and survive it', async () => {
    const channels: Channel[] = ['consensus', 'status', 'sync', 'answers'];
    const frame = fc.tuple(fc.constantFrom(...channels), fc.uint8Array({ maxLength: 200 }));
    for (const [channel, bytes] of fc.sample(frame, { numRuns: 500, seed: 1 })) {
      rogue.send(channel, bytes);
    }
    for (const kind of [0, 1, 2]) {
      for (const rest of fc.sample(fc.uint8Array({ maxLength: 100 }), { numRuns: 100, seed: 2 })) {
        rogue.send('consensus', Uint8Array.of(kind, ...rest));
      }
    }
    await reach(top() + 10);
    assert.deepEqual(faults(), ['n3 malformed']);
  });

  it('report bad signatures and proposals out of turn', async () => {
    const height = top() + 2;
    const forged = await rogue.vote(0, height, 0, null);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    rogue.say(forged);
    await world.pass(50);
    assert.deepEqual(faults(), ['n3 invalid']);
    assert.ok(nodes.some(({ engine }) => engine.figures().refusedMessages > 0));
    await reach(top() + 5);
  });

  it('collect the evidence of a double vote and of a double proposal', async () => {
    const height = turn();
    const blocks = [1, 2].map((n) => buildBlock({ ...blockAt(height), transactions: [`${n}`] }));
    for (const { id, bytes } of blocks) {
      rogue.propose(await rogue.proposal(height, 0, id), bytes);
      rogue.say(await rogue.vote(0, height, 0, id));
    }
    rogue.say(await rogue.vote(1, height + 1, 0, null));
    rogue.say(await rogue.vote(1, height + 1, 0, new Uint8Array(32).fill(1)));
    await reach(height + 2);
    const kinds = nodes.flatMap(({ engine }) => engine.misbehaviour().map(({ kind }) => kind));
    for (const kind of ['precommit', 'prevote'] as const)
      assert.ok(kinds.includes(kind), `${kinds}`);
    for (const { engine } of nodes) {
      assert.equal(engine.posFigures().misbehaviour, engine.misbehaviour().length);
    }
  });

  it('refuse a false block of a scheduled proposer, and blame nobody else', async () => {
    const height = turn();
    await reach(height - 1);
    const parent = nodes[0]?.app.head();
    const text = Buffer.from(parent?.id ?? []).toString('hex');
    const time = world.clock.wall();
    const fields = { height, time, proposer: 3, parent: text, transactions: ['bad'] };
    const { id, bytes } = buildBlock(fields);
    rogue.propose(await rogue.proposal(height, 0, id), bytes);
    await reach(height + 1);
    assert.ok(!nodes.some(({ app }) => app.transactions.includes('bad')));
    assert.deepEqual(faults(), ['n3 invalid']);
  });

  it('refuse a block that names another proposer than its signer', async () => {
    const height = turn();
    await reach(height - 1);
    const text = Buffer.from(nodes[0]?.app.head()?.id ?? []).toString('hex');
    const fields = { height, time: world.clock.wall(), proposer: 0, parent: text };
    const { id, bytes } = buildBlock({ ...fields, transactions: ['stolen'] });
    rogue.propose(await rogue.proposal(height, 0, id), bytes);
    await reach(height + 1);
    assert.ok(!nodes.some(({ app }) => app.transactions.includes('stolen')));
  });

  it('take the right body when a peer put a wrong one behind a true proposal', async () => {
    const meddler = new Rogue(world, 'meddler', last, false);
    const seen = new Set<string>();
    let rounds = 0;
    // The meddler is faster than everybody: what it heard from one it passes on, with another body.
    const timer = () => {
      for (const { bytes } of meddler.heard.splice(0)) {
        const frame = decodeConsensusFrame(bytes);
        if (frame?.kind !== 'proposal') continue;
        const name = Buffer.from(frame.message).toString('hex');
        if (seen.has(name)) continue;
        seen.add(name);
        meddler.propose(frame.message, Uint8Array.of(1, 2, 3));
      }
      if (rounds++ < 5_000) world.clock.schedule(world.clock.monotonic() + 1, timer);
    };
    world.net.fate = ({ from, to, bytes }) => {
      const isProposal = decodeConsensusFrame(bytes)?.kind === 'proposal';
      return { delayMs: isProposal && from !== 'meddler' && to !== 'meddler' ? 10 : 1 };
    };
    timer();
    const before = nodes.map(({ engine }) => engine.figures().rounds);
    await reach(top() + 8);
    assert.ok(seen.size >= 3, `${seen.size}`);
    assert.ok(faults().includes('meddler invalid'));
    // Every height but those of the silent validator was decided in its first round.
    const rounded = nodes.map(({ engine }, i) => engine.figures().rounds - (before[i] ?? 0));
    assert.ok(Math.max(...rounded) <= 14, `${rounded}`);
  });

  it('stay within bounds when flooded with votes that are validly signed', async () => {
    const before = nodes.map(({ engine }) => engine.figures().rounds);
    for (let i = 0; i < 3_000; i++) {
      const height = top() + 1 + (i % 50);
      rogue.say(await rogue.vote((i % 2) as 0 | 1, height, i * 1_000, null));
    }
    await reach(top() + 5);
    for (const [i, { engine }] of nodes.entries()) {
      assert.ok(engine.figures().rounds - (before[i] ?? 0) < 40);
      assert.equal(engine.posFigures().droppedFrames, 0);
    }
  });

  it('commit nothing on the word of a third', async () => {
    world.net.fate = ({ from, to }) =>
      [from, to].some((id) => id === 'n1' || id === 'n2') ? undefined : { delayMs: 1 };
    const alone = nodes[0] as TestEngine;
    const before = heightOf(alone);
    await world.pass(100);
    const height = heightOf(alone) + 1;
    const block = new Uint8Array(32).fill(5);
    for (let round = 0; round < 5; round++) {
      rogue.say(await rogue.vote(0, height, round, block), 'n0');
      rogue.say(await rogue.vote(1, height, round, block), 'n0');
    }
    await world.pass(10_000);
    assert.ok(heightOf(alone) <= before + 1);
    world.net.fate = () => ({ delayMs: 1 });
    await reach(top() + 3);
  });

  function blockAt(height: number) {
    return { height, time: world.clock.wall(), proposer: 3, parent: 'none', transactions: [] };
  }
});

describe('pos: relay (P30)', () => {
  it('carries votes and blocks over a line of four', async () => {
    const world = new World(4);
    for (const [i, signer] of world.validators.signers.entries()) {
      await world.start({ id: `n${i}`, signer, links: [`n${i - 1}`], options });
    }
    const nodes = [...world.nodes.values()];
    await world.until(() => nodes.every((node) => heightOf(node) >= 20));
    assert.ok(nodes.some(({ engine }) => engine.posFigures().relayed > 20));
    assert.equal(nodes[0]?.engine.figures().rounds, nodes[0]?.engine.figures().height);
    assert.deepEqual(world.net.reports, []);
    await world.stopAll();
  });

  it('carries nothing twice among those who hear each other', async () => {
    const world = new World(4);
    const nodes = await world.startAll(options);
    await world.until(() => nodes.every((node) => heightOf(node) >= 5));
    const before = nodes.map(({ engine }) => engine.posFigures().relayed);
    const authors: boolean[] = [];
    world.net.fate = ({ from, channel, bytes }) => {
      const frame = channel === 'consensus' ? decodeConsensusFrame(bytes) : undefined;
      if (frame !== undefined && frame.kind !== 'heard') {
        const signed = readSigned(frame.message);
        const index = world.validators.infos.findIndex(
          ({ key }) => signed !== undefined && Buffer.compare(key, signed.validator) === 0,
        );
        authors.push(from === `n${index}`);
      }
      return { delayMs: 1 };
    };
    await world.until(() => nodes.every((node) => heightOf(node) >= 25));
    assert.ok(authors.length > 100 && authors.every((isAuthor) => isAuthor));
    assert.deepEqual(
      nodes.map(({ engine }) => engine.posFigures().relayed),
      before,
    );
    await world.stopAll();
  });
});
