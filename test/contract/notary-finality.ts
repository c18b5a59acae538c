import { strict as assert } from 'node:assert';
import type { NotaryService } from '../../notary/index.ts';
import {
  encodeLeafRecord,
  leafRecordOf,
  parseCheckpoint,
  type Receipt,
  treeHash,
  verifyInclusion,
} from '../../receipt/index.ts';
import type { MemoryAnchors } from '../support/memory-anchors.ts';
import { until } from '../support/until.ts';
import { of } from './notary.ts';

/** A notary over one empty log, whose node follows a chain. */
export interface FinalNotaryUnderTest {
  readonly notary: NotaryService;
  readonly anchors: MemoryAnchors;
  /** Another notary over the same log and chain, as after a restart. */
  readonly again: () => NotaryService;
  readonly close: () => Promise<void>;
}

const durable = { waitFor: 'durable' } as const;
const checkpoint = { waitFor: 'checkpoint' } as const;
const final = { waitFor: 'final' } as const;

/** What a notary on a chain keeps (docs/spec/notary.md N8 to N10). */
export function describeNotaryFinality(
  name: string,
  make: () => Promise<FinalNotaryUnderTest>,
): void {
  describe(`Notary on a chain: ${name}`, () => {
    let under: FinalNotaryUnderTest;
    let notary: NotaryService;
    let anchors: MemoryAnchors;
    beforeEach(async () => {
      under = await make();
      ({ notary, anchors } = under);
    });
    afterEach(() => under.close());

    const never = new AbortController().signal;
    const origin = () => notary.logs()[0]?.origin ?? '';

    async function submit(content: string): Promise<{ id: bigint; receipt: Receipt }> {
      const [outcome] = await notary.submit([of(content)], checkpoint);
      assert.ok(outcome?.ok && outcome.submitted.receipt !== undefined);
      return { id: outcome.submitted.id, receipt: outcome.submitted.receipt };
    }

    /** Anchors the newest checkpoint, and waits until the notary has heard. */
    async function finalize(): Promise<string> {
      const note = notary.logs()[0]?.checkpoint?.note ?? '';
      const { size } = anchors.finalize(note);
      for await (const heard of notary.subscribeFinal(origin(), never)) {
        if (heard.size >= size) return note;
      }
      return note;
    }

    it('gives the checkpoint while nothing is anchored, and the anchored one afterwards (N8)', async () => {
      const { id } = await submit('a');
      assert.equal((await notary.receipt(id, durable))?.finality, undefined);
      assert.equal(notary.status(id)?.level, 'checkpoint');
      const note = await finalize();
      const receipt = await notary.receipt(id, durable);
      assertFinal(receipt, note, 1);
      assert.equal(notary.status(id)?.level, 'final');
      assert.equal(notary.search('sha256', of('a').digest, 1)[0]?.level, 'final');
    });

    it('is final by the first anchor that covers the record, also after a restart (N8)', async () => {
      const { id } = await submit('a');
      const note = await finalize();
      await submit('b');
      await finalize();
      assertFinal(await notary.receipt(id, durable), note, 1);
      const again = under.again();
      assertFinal(await again.receipt(id, durable), note, 1);
      await until(() => again.status(id)?.level === 'final');
      await again.drain();
    });

    it('asks the chain nothing about records that cannot be final yet', async () => {
      await submit('a');
      await finalize();
      const { id } = await submit('b');
      const { calls } = anchors;
      await notary.receipt(id, durable);
      await notary.receipt(id, checkpoint);
      assert.equal(anchors.calls, calls);
    });

    it('refuses at once to wait where nothing is anchored, but for what is final already (N8)', async () => {
      const early = await submit('a');
      await finalize();
      const { id, receipt } = await submit('b');
      anchors.hindrance = 'the cluster x is not registered';
      const refused = { code: 'notary/not-anchored', message: /the cluster x is not registered/ };
      await assert.rejects(notary.receipt(id, final), refused);
      await assert.rejects(notary.upgrade(receipt, final), refused);
      assert.ok((await notary.receipt(early.id, final))?.finality !== undefined);
      assert.equal((await notary.receipt(id, checkpoint))?.finality, undefined);
      anchors.hindrance = undefined;
      const waiting = notary.receipt(id, final);
      const note = await finalize();
      assertFinal(await waiting, note, 1);
    });

    it('waits for the anchor when asked to, and no longer than the signal', async () => {
      const { id } = await submit('a');
      const waiting = notary.receipt(id, final);
      const stop = new AbortController();
      const given = notary.receipt(id, { ...final, signal: stop.signal });
      stop.abort(new Error('enough'));
      await assert.rejects(given, /enough/);
      const note = await finalize();
      assertFinal(await waiting, note, 1);
      assert.equal(await notary.receipt(99n, final), undefined);
    });

    it('stays at the checkpoint while the proof is missing, or of another tree (M7)', async () => {
      const { id } = await submit('a');
      anchors.unproved = true;
      const note = await finalize();
      assert.equal((await notary.receipt(id, durable))?.finality, undefined);
      anchors.unproved = false;
      const [first, ...rest] = anchors.anchors;
      assert.ok(first !== undefined);
      const lines = note.split('\n');
      lines[2] = Buffer.alloc(32).toString('base64');
      anchors.anchors.splice(0, 1 + rest.length, { ...first, note: lines.join('\n') });
      const receipt = await notary.receipt(id, durable);
      assert.equal(receipt?.finality, undefined);
      assert.ok(receipt?.checkpoint !== undefined);
    });

    it('upgrades old receipts, and never makes one worse (N9)', async () => {
      const { id, receipt } = await submit('a');
      const unsigned: Receipt = { origin: receipt.origin, record: receipt.record };
      await submit('b');
      // Signed already: a later checkpoint would be no better.
      assert.deepEqual(await notary.upgrade(receipt), receipt);
      assert.ok((await notary.upgrade(unsigned, checkpoint))?.checkpoint !== undefined);
      const note = await finalize();
      const better = await notary.upgrade(unsigned);
      assertFinal(better, note, 1);
      assertFinal(await notary.upgrade(receipt), note, 1);
      await submit('c');
      await finalize();
      assert.ok(better !== undefined);
      assert.deepEqual(await notary.upgrade(better), better);
      assert.deepEqual(await notary.upgrade(better, final), better);
      assert.deepEqual((await notary.receipt(id, durable))?.checkpoint, note);
    });

    it('proves by the history when asked, with the same anchor (F5)', async () => {
      const { id, receipt } = await submit('a');
      const note = await finalize();
      const old = await notary.receipt(id, durable);
      assert.ok(old !== undefined);
      const newer = await notary.upgrade(old, { byHistory: true });
      assertFinal(newer, note, 2);
      assert.deepEqual(newer?.inclusion, old.inclusion);
      assertFinal(await notary.upgrade(receipt, { byHistory: true }), note, 2);
      anchors.unproved = true;
      assert.deepEqual(await notary.upgrade(old, { byHistory: true }), old);
    });

    it('keeps the earlier note when the same tree was anchored', async () => {
      const { receipt } = await submit('a');
      const signed = parseCheckpoint(receipt.checkpoint ?? '');
      assert.ok(signed.ok);
      const { time } = signed.value.checkpoint;
      const later = (receipt.checkpoint ?? '').replace(`time ${time}`, `time ${time + 9}`);
      anchors.finalize(later);
      const upgraded = await notary.upgrade(receipt, final);
      assertFinal(upgraded, receipt.checkpoint ?? '', 1);
    });

    it('knows a receipt that is not of its logs', async () => {
      const { receipt } = await submit('a');
      const { record } = receipt;
      const others: Receipt[] = [
        { ...receipt, origin: `${receipt.origin}1` },
        { ...receipt, record: { ...record, offset: 7 } },
        { ...receipt, record: { ...record, digest: of('z').digest } },
        { ...receipt, record: { ...record, scarabId: 77n } },
      ];
      for (const other of others) assert.equal(await notary.upgrade(other), undefined);
    });

    it('tells of anchors as they come, and of receipts as they become final, once each (N10)', async () => {
      const ids = [(await submit('a')).id, (await submit('b')).id];
      const late = (await submit('c')).id;
      const told: bigint[] = [];
      const following = (async () => {
        for await (const receipt of notary.subscribeReceipts([...ids, late], never)) {
          assertFinal(receipt, undefined, 1);
          told.push(receipt.record.scarabId);
        }
      })();
      anchors.finalize(notary.logs()[0]?.checkpoint?.note ?? '');
      await following;
      assert.deepEqual(new Set(told), new Set([...ids, late]));
      assert.equal(told.length, 3);
      const stop = new AbortController();
      const { id } = await submit('d');
      const waiting = collect(notary.subscribeReceipts([id], stop.signal));
      stop.abort();
      assert.deepEqual(await waiting, []);
      assert.throws(() => notary.subscribeReceipts([id, 5n], never), { code: 'notary/not-found' });
      assert.throws(() => notary.subscribeFinal('pyralog/other', never), {
        code: 'notary/unknown-log',
      });
    });

    it('asks for one proof however many receipts want it', async () => {
      const ids: bigint[] = [];
      for (let i = 0; i < 20; i++) ids.push((await submit(`${i}`)).id);
      await finalize();
      const before = anchors.calls;
      await Promise.all(ids.map((id) => notary.receipt(id, durable)));
      assert.equal(anchors.calls - before, ids.length + 1);
    });
  });
}

function assertFinal(receipt: Receipt | undefined, note: string | undefined, scheme: number): void {
  assert.ok(receipt?.inclusion !== undefined && receipt.checkpoint !== undefined);
  if (note !== undefined) assert.equal(receipt.checkpoint, note);
  const signed = parseCheckpoint(receipt.checkpoint);
  assert.ok(signed.ok);
  const { size, path } = receipt.inclusion;
  assert.equal(signed.value.checkpoint.size, size);
  const tree = treeHash('blake3');
  const leaf = tree.leaf(encodeLeafRecord(leafRecordOf(receipt.record)));
  const { root } = signed.value.checkpoint;
  assert.ok(verifyInclusion(tree, { index: receipt.record.offset, size, leaf, path, root }));
  assert.deepEqual(
    receipt.finality?.map(({ kind, scheme: found, proof }) => [
      kind,
      found,
      `${Buffer.from(proof)}`,
    ]),
    [['pos', scheme, `${receipt.origin} ${size}`]],
  );
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
