import { strict as assert } from 'node:assert';
import { toHex } from '../../../base/bytes.ts';
import type { DiskStep } from '../../../consensus/pos/memory-disk.ts';
import { MemoryPosDisk } from '../../../consensus/pos/memory-disk.ts';
import { PROTECTION_FILE } from '../../../consensus/pos/protection.ts';
import { WAL_FILE } from '../../../consensus/pos/wal.ts';
import {
  type ConsensusFrame,
  decodeConsensusFrame,
  readSigned,
} from '../../../consensus/pos/wire.ts';
import type { Signer } from '../../../consensus/signer.ts';
import { sameChain } from './pos-app.ts';
import type { Passing } from './pos-net.ts';
import { Witness } from './pos-witness.ts';
import { type TestEngine, World } from './pos-world.ts';

const heightOf = ({ app }: TestEngine) => app.head()?.height ?? 0;

const options = { emptyBlocks: true, blockIntervalMs: 20 };

type Said = Exclude<ConsensusFrame, { readonly kind: 'heard' }> & {
  readonly validator: Uint8Array;
  /** Empty: nil. */
  readonly id: Uint8Array;
};

/** The vote or proposal in a frame. */
function saidIn({ channel, bytes }: Passing): Said | undefined {
  const frame = channel === 'consensus' ? decodeConsensusFrame(bytes) : undefined;
  if (frame === undefined || frame.kind === 'heard') return undefined;
  const signed = readSigned(frame.message);
  if (signed === undefined) return undefined;
  return { ...frame, validator: signed.validator, id: signed.record.id ?? new Uint8Array() };
}

/** Whether the node that sent it signed it. */
function isBy({ validator }: Said, from: string, { validators }: World): boolean {
  const key = validators.infos[Number(from.slice(1))]?.key;
  return key !== undefined && Buffer.compare(key, validator) === 0;
}

interface Outage {
  /** Nobody can be heard until the node has been back for a while. */
  readonly silence: boolean;
  /** The log of the engine is lost, the slashing protection is not. */
  readonly loses: boolean;
}

describe('pos: crashes (P20, P22, P23)', () => {
  /** Four validators, of which the first loses power at the `at`-th step of its disk. */
  async function run(at: number, { silence, loses }: Outage): Promise<boolean> {
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
        if (silence) world.net.fate = () => undefined;
        throw new Error('no power');
      }
    };
    let victim: TestEngine | undefined;
    const [first, ...others] = signers;
    assert.ok(first !== undefined);
    const disk = new MemoryPosDisk({ random: world.random, before });
    await world.protect(disk, first);
    const nodes: TestEngine[] = [];
    for (const [i, signer] of others.entries()) {
      nodes.push(await world.start({ id: `n${i + 1}`, signer, options }));
    }
    victim = await world.start({ id: 'n0', signer: first, disk, options });
    await world.until(() => off || (victim !== undefined && heightOf(victim) >= 4));
    const crashed = off;
    const found = crashed ? world.crash(victim) : disk;
    if (loses) found.remove(WAL_FILE);
    const store = { blocks: [...victim.app.store.blocks] };
    off = true;
    await victim.engine.stop();
    off = false;
    steps = Number.NEGATIVE_INFINITY;
    if (!crashed) world.net.leave('n0');
    // Nobody repeats to it what it voted for: left alone, it would vote for nothing now.
    if (silence) world.net.fate = () => undefined;
    const again = await world.start({ id: 'n0', signer: first, disk: found, store, options });
    nodes.push(again);
    if (silence) await world.pass(3_000);
    world.net.fate = () => ({ delayMs: 1 });
    const target = Math.max(...nodes.map(heightOf)) + 4;
    await world.until(() => nodes.every((node) => heightOf(node) >= target));
    checkAll(nodes);
    assert.equal(again.engine.posFigures().mode, 'signing');
    assert.ok(witness.count > 0);
    assert.deepEqual(witness.contradictions, []);
    await world.stopAll();
    return crashed;
  }

  const outages: readonly (readonly [string, Outage])[] = [
    ['and everybody repeats what they said', { silence: false, loses: false }],
    ['and nobody repeats anything', { silence: true, loses: false }],
    ['and the log is gone (P24)', { silence: true, loses: true }],
  ];
  for (const [then, outage] of outages) {
    it(`never signs two things, whichever write the power fails at, ${then}`, async () => {
      let at = 1;
      while (await run(at, outage)) at++;
      assert.ok(at > 30, `only ${at} writes`);
    }).timeout(120_000);
  }

  it('sends nothing of its own that its log would not bring back, nor votes for a block that it lacks', async () => {
    const world = new World(4);
    const bodies = new Map<string, Buffer>();
    let checked = 0;
    const check = (node: TestEngine, { message }: Said, id: Uint8Array) => {
      const log = Buffer.from(node.disk.syncedBytesOf(WAL_FILE) ?? []);
      assert.ok(log.includes(Buffer.from(message)), 'in the log');
      if (id.length > 0)
        assert.ok(log.includes(bodies.get(toHex(id)) ?? 'unknown'), 'its block too');
      checked++;
    };
    world.net.fate = (passing) => {
      const said = saidIn(passing);
      if (said?.kind === 'proposal') bodies.set(toHex(said.id), Buffer.from(said.body));
      const node = world.nodes.get(passing.from);
      if (said !== undefined && node !== undefined && isBy(said, passing.from, world)) {
        check(node, said, said.id);
      }
      return { delayMs: 1 };
    };
    const nodes = await world.startAll(options);
    await world.until(() => nodes.every((node) => heightOf(node) >= 10));
    for (const { bugs } of nodes) assert.deepEqual(bugs, []);
    assert.ok(checked > 100);
    await world.stopAll();
  });

  it('says again what it said, byte for byte, and signs none of it anew (P12)', async () => {
    const world = new World(4);
    const witness = new Witness();
    const [signer, other] = world.validators.signers.map((each) => witness.watch(each));
    assert.ok(signer !== undefined && other !== undefined);
    const said: string[] = [];
    world.net.fate = (passing) => {
      const { message } = (passing.from === 'n0' && saidIn(passing)) || {};
      if (message !== undefined) said.push(toHex(message));
      return { delayMs: 1 };
    };
    await world.start({ id: 'n1', signer: other });
    const first = await world.start({ id: 'n0', signer });
    await world.until(() => said.length >= 1);
    await world.pass(100);
    const before = new Set(said.splice(0));
    const disk = world.crash(first);
    const signatures = witness.count;
    await world.start({ id: 'n0', signer, disk });
    await world.pass(50);
    assert.deepEqual(new Set(said), before);
    assert.equal(witness.count, signatures);
    await first.engine.stop();
    await world.stopAll();
  });

  it('goes on after all lost power at once', async () => {
    for (let seed = 1; seed <= 10; seed++) await blackouts(seed);
  }).timeout(60_000);
});

function checkAll(nodes: readonly TestEngine[]): void {
  for (const a of nodes) {
    assert.deepEqual(a.bugs, []);
    assert.deepEqual(a.engine.misbehaviour(), []);
    for (const b of nodes) assert.ok(sameChain(a.app.store, b.app.store));
  }
}

/** All validators lose power together, four times, at odd moments. */
async function blackouts(seed: number): Promise<void> {
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
  assert.deepEqual(witness.contradictions, []);
  for (const { bugs } of nodes) assert.deepEqual(bugs, []);
  await world.stopAll();
}
