import { strict as assert } from 'node:assert';
import type { Engine, Finalized } from '../../consensus/index.ts';
import { until } from '../support/until.ts';
import type { NoteApp } from '../unit/consensus/pos-app.ts';

/** An engine that can agree, with the others that it needs for that; none of them started. */
export interface MadeEngine {
  readonly engine: Engine;
  readonly app: NoteApp;
  readonly others: readonly { readonly engine: Engine; readonly app: NoteApp }[];
  /** Ends what the engines stood on, after they stopped. */
  readonly stop: () => Promise<void>;
}

/** What every {@link Engine} keeps. */
export function describeEngine(name: string, make: () => Promise<MadeEngine>): void {
  describe(`Engine: ${name}`, () => {
    let engine: Engine;
    let app: NoteApp;
    let others: MadeEngine['others'];
    let stop: MadeEngine['stop'];
    const ends: AbortController[] = [];
    beforeEach(async () => {
      ({ engine, app, others, stop } = await make());
      await Promise.all(
        [{ engine, app }, ...others].map((node) => node.engine.start(node.app, abortLater())),
      );
    });
    afterEach(async () => {
      await Promise.all([engine, ...others.map((node) => node.engine)].map((each) => each.stop()));
      await stop();
    });
    after(() => {
      for (const end of ends) end.abort();
    });

    function abortLater(): AbortSignal {
      const controller = new AbortController();
      ends.push(controller);
      return controller.signal;
    }

    const submit = (tx: string) => engine.submit(Buffer.from(tx));
    const height = () => app.head()?.height ?? 0;

    it('executes every transaction once, in blocks of growing height and time', async () => {
      const sent = Array.from({ length: 60 }, (_, i) => `tx ${i}`);
      for (const [i, tx] of sent.entries()) {
        await submit(tx);
        if (i % 7 === 0) await until(() => app.transactions.includes(tx));
      }
      await until(() => app.transactions.length >= sent.length);
      assert.deepEqual([...app.transactions].sort(), [...sent].sort());
      const { blocks } = app.store;
      assert.ok(blocks.length > 1);
      for (const [i, block] of blocks.entries()) {
        assert.equal(block.height, i + 1);
        assert.ok(block.time > (blocks[i - 1]?.time ?? 0), `time of block ${block.height}`);
      }
    });

    it('executes a block before it commits it, and shows it only then', async () => {
      const shown = next(engine.finalized(1, abortLater()));
      await submit('a');
      const first = await shown;
      assert.ok(height() >= 1);
      const calls = app.calls.filter((call) => call.endsWith(' 1'));
      assert.match(calls.at(-2) ?? '', /^(propose|validate) 1$/);
      assert.equal(calls.at(-1), 'commit 1');
      assert.equal(calls.filter((call) => call === 'commit 1').length, 1);
      assert.deepEqual([first?.height, first?.id.length], [1, 32]);
      assert.ok((engine.head()?.height ?? 0) >= 1);
    });

    it('proves what is final, and nothing else', async () => {
      await submit('a');
      await until(() => app.transactions.includes('a'));
      const head = app.head();
      assert.ok(head !== undefined && head.evidence.scheme !== '');
      assert.equal(engine.verify(head, head.evidence), true);
      assert.equal(engine.verify(head, { ...head.evidence, scheme: 'other' }), false);
    });

    it('tells final blocks from any height on, without gaps, to each listener', async () => {
      for (const tx of ['a', 'b', 'c']) {
        await submit(tx);
        await until(() => app.transactions.includes(tx));
      }
      const count = height();
      const all = take(engine.finalized(1, abortLater()), count + 1);
      const late = take(engine.finalized(count, abortLater()), 2);
      await submit('d');
      assert.deepEqual(
        (await all).map((b) => b.height),
        Array.from({ length: count + 1 }, (_, i) => i + 1),
      );
      assert.deepEqual(
        (await late).map((b) => b.height),
        [count, count + 1],
      );
      const ids = new Set((await all).map((b) => Buffer.from(b.id).toString('hex')));
      assert.equal(ids.size, count + 1);
    });

    it('goes on when a transaction is left out', async () => {
      await submit('!no');
      await submit('yes');
      await until(() => app.transactions.includes('yes'));
      assert.ok(!app.transactions.includes('!no'));
    });

    it('turns away what its app turns away, as it does', async () => {
      app.pendingMax = 0;
      await assert.rejects(submit('a'), { code: 'chain/mempool-full' });
      app.pendingMax = 10;
      await submit('b');
      await until(() => app.transactions.includes('b'));
    });

    it('says how far it is', async () => {
      await submit('a');
      await until(() => app.transactions.includes('a'));
      const { rounds, decisionSeconds, ...rest } = engine.figures();
      assert.ok(rest.height >= height() && rounds >= 1 && decisionSeconds >= 0);
      assert.equal(rest.refusedMessages, 0);
    });

    it('ends its streams and takes nothing more once stopped', async () => {
      const reading = take(engine.finalized(1, abortLater()), 1_000);
      await submit('a');
      await until(() => app.transactions.includes('a'));
      await engine.stop();
      await engine.stop();
      assert.equal((await reading).length, height());
      await assert.rejects(submit('b'), { code: 'consensus/stopped' });
    });

    it('ends a stream with its signal, and runs on', async () => {
      const controller = new AbortController();
      controller.abort();
      assert.deepEqual(await take(engine.finalized(1, controller.signal), 1_000), []);
      await submit('a');
      await until(() => app.transactions.includes('a'));
    });
  });
}

async function take(source: AsyncIterable<Finalized>, count: number): Promise<Finalized[]> {
  const found: Finalized[] = [];
  for await (const item of source) if (found.push(item) === count) break;
  return found;
}

async function next(source: AsyncIterable<Finalized>): Promise<Finalized | undefined> {
  return (await take(source, 1))[0];
}
