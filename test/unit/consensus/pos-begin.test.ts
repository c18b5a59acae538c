import { strict as assert } from 'node:assert';
import type { FinalityEvidence } from '../../../consensus/engine.ts';
import { FrameFile } from '../../../consensus/pos/frames.ts';
import type { MemoryPosDisk } from '../../../consensus/pos/memory-disk.ts';
import { WAL_FILE } from '../../../consensus/pos/wal.ts';
import type { SimClock } from '../../../devnet/sim/clock.ts';
import { NoteApp } from './pos-app.ts';
import { type TestEngine, World } from './pos-world.ts';

const START = 2;
const ENTRY_HEADER_BYTES = 13;
const heightOf = ({ app }: TestEngine) => app.head()?.height ?? 0;

/**
 * Shows a block as its head some time before the call that commits it returns, as an app that tidies up behind it. In
 * between a transaction comes in.
 */
class LingeringApp extends NoteApp {
  clock: SimClock | undefined;

  override async commit(id: Uint8Array, evidence: FinalityEvidence): Promise<void> {
    await super.commit(id, evidence);
    const { clock } = this;
    if (clock === undefined) return;
    await new Promise<void>((resolve) => {
      clock.schedule(clock.monotonic() + 1, () => this.take(`behind ${this.head()?.height}`));
      clock.schedule(clock.monotonic() + 5, resolve);
    });
  }
}

/** Heights whose beginning the log holds (P21), in order. */
async function begun(disk: MemoryPosDisk): Promise<number[]> {
  const frames = await FrameFile.open(disk, WAL_FILE);
  const heights: number[] = [];
  for (const payload of frames?.payloads ?? []) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    for (let at = 0; at < payload.length; at += ENTRY_HEADER_BYTES + view.getUint32(at + 9)) {
      if (view.getUint8(at) === START) heights.push(Number(view.getBigUint64(at + 1)));
    }
  }
  await frames?.file.close();
  return heights;
}

describe('pos: a height is begun', () => {
  it('once, also when there is reason to while the commit of the block before lingers', async () => {
    const world = new World(4);
    const { signers, infos } = world.validators;
    const rest: TestEngine[] = [];
    for (const [i, signer] of signers.slice(0, 3).entries()) {
      rest.push(await world.start({ id: `n${i}`, signer }));
    }
    const app = new LingeringApp(infos);
    const signer = signers[3] ?? assert.fail('there are four');
    const late = await world.start({ id: 'n3', signer, app });
    const grow = async (nodes: readonly TestEngine[]) => {
      const height = heightOf(nodes[0] ?? assert.fail('some')) + 1;
      for (const node of nodes) node.app.take(`for ${height}`);
      await world.until(() => nodes.every((node) => heightOf(node) >= height));
      await world.pass(100); // nothing is under way any more
    };
    await grow([...rest, late]);
    world.net.fate = ({ to }) => (to === 'n3' ? undefined : { delayMs: 1 });
    await grow(rest);
    world.net.fate = () => ({ delayMs: 1 });
    app.clock = world.clock;
    await world.until(() => heightOf(late) >= heightOf(rest[0] ?? late));
    await world.pass(100);
    app.clock = undefined; // else it could not stop: time no longer passes then
    await world.pass(100);
    await world.stopAll();
    const heights = await begun(late.disk);
    assert.ok(late.engine.posFigures().syncedBlocks > 0);
    assert.ok(heights.length > 2, `${heights.length} heights were begun`);
    assert.deepEqual(heights, [...new Set(heights)]);
    assert.deepEqual(late.bugs, []);
  });
});
