import { strict as assert } from 'node:assert';
import type { Anchor, Anchored, SignedCheckpoint } from '../../consensus/index.ts';

/** An anchor on a chain that takes good anchors, and a log that grows. */
export interface AnchorUnderTest {
  readonly anchor: Anchor;
  readonly origin: string;
  /** A signed checkpoint of the log's first `size` records, 1 to 64, growing. */
  readonly checkpoint: (size: number) => Promise<SignedCheckpoint>;
}

/** What every {@link Anchor} keeps. */
export function describeAnchor(name: string, make: () => Promise<AnchorUnderTest>): void {
  describe(`Anchor: ${name}`, () => {
    let under: AnchorUnderTest;
    const never = new AbortController();
    beforeEach(async () => {
      under = await make();
    });
    afterEach(() => under.anchor.stop());

    async function finalAt(size: number): Promise<Anchored[]> {
      const seen: Anchored[] = [];
      for await (const anchored of under.anchor.subscribe(under.origin, never.signal)) {
        seen.push(anchored);
        if (anchored.checkpoint.size >= size) break;
      }
      return seen;
    }

    it('makes the newest checkpoint final, with its roots and where it stands', async () => {
      const done = finalAt(5);
      const checkpoint = await under.checkpoint(5);
      under.anchor.offer(checkpoint);
      const [anchored] = await done;
      assert.deepEqual(
        [anchored?.checkpoint.size, anchored?.checkpoint.note],
        [5, checkpoint.note],
      );
      assert.deepEqual(
        anchored?.checkpoint.roots.map(({ alg, root }) => [alg, root.length]),
        [['blake3', 32]],
      );
      assert.ok((anchored?.height ?? 0) >= 1 && anchored?.evidence !== undefined);
    });

    it('knows the first final anchor that covers a size, and none that does not', async () => {
      assert.equal(await under.anchor.finality(under.origin, 1), undefined);
      const first = finalAt(4);
      under.anchor.offer(await under.checkpoint(4));
      await first;
      const second = finalAt(9);
      under.anchor.offer(await under.checkpoint(9));
      await second;
      const covering = async (size: number) =>
        (await under.anchor.finality(under.origin, size))?.checkpoint.size;
      const found = await Promise.all([1, 4, 5, 9, 10].map(covering));
      assert.deepEqual(found, [4, 4, 9, 9, undefined]);
      await assert.rejects(under.anchor.finality('pyralog/other', 1));
    });

    it('anchors only what grows, and the last offered in the end (A1)', async () => {
      const done = finalAt(40);
      for (const size of [3, 10, 20, 40]) under.anchor.offer(await under.checkpoint(size));
      const sizes = (await done).map(({ checkpoint }) => checkpoint.size);
      assert.deepEqual(
        sizes,
        [...new Set(sizes)].sort((a, b) => a - b),
      );
      assert.equal(sizes.at(-1), 40);
    });

    it('refuses what is no checkpoint of a log of its own', async () => {
      const malformed = { code: 'consensus/checkpoint-malformed' };
      assert.throws(() => under.anchor.offer({ size: 1, note: 'nonsense' }), malformed);
      const { note } = await under.checkpoint(2);
      const other = note.replace('/notary/', '/other/');
      assert.throws(() => under.anchor.offer({ size: 2, note: other }), malformed);
    });

    it('ends subscriptions with their signal and with stop', async () => {
      const controller = new AbortController();
      const reading = collect(under.anchor.subscribe(under.origin, controller.signal));
      controller.abort();
      assert.deepEqual(await reading, []);
      const other = collect(under.anchor.subscribe(under.origin, never.signal));
      under.anchor.stop();
      under.anchor.stop();
      assert.deepEqual(await other, []);
    });
  });
}

async function collect(source: AsyncIterable<Anchored>): Promise<Anchored[]> {
  const all: Anchored[] = [];
  for await (const item of source) all.push(item);
  return all;
}
