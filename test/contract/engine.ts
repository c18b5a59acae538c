import { strict as assert } from 'node:assert';
import type { App, Block, Engine, Finalized } from '../../consensus/index.ts';
import { until } from '../support/until.ts';

/** An engine that can agree by itself, not yet started. */
export type MakeEngine = () => Promise<Engine>;

/** A chain that writes down what its engine asks of it. */
class Notebook implements App {
  readonly calls: string[] = [];
  readonly blocks: Block[] = [];
  readonly transactions: string[] = [];
  committed = 0;
  /** Transactions that start so are left out for good. */
  static readonly REFUSED = '!';

  async propose(height: number, transactions: readonly Uint8Array[]): Promise<Uint8Array> {
    this.calls.push(`propose ${height}`);
    const kept = transactions
      .map((tx) => Buffer.from(tx).toString())
      .filter((tx) => !tx.startsWith(Notebook.REFUSED));
    return Buffer.from(JSON.stringify(kept));
  }

  async validate(block: Block): Promise<boolean> {
    this.calls.push(`validate ${block.height}`);
    return Array.isArray(JSON.parse(Buffer.from(block.body).toString()));
  }

  async execute(block: Block): Promise<Uint8Array> {
    this.calls.push(`execute ${block.height}`);
    assert.equal(this.committed, block.height - 1, 'executed before the one below was committed');
    this.blocks.push(block);
    this.transactions.push(...JSON.parse(Buffer.from(block.body).toString()));
    return new Uint8Array(32).fill(block.height);
  }

  async commit(height: number): Promise<void> {
    this.calls.push(`commit ${height}`);
    this.committed = height;
  }
}

/** What every {@link Engine} keeps. */
export function describeEngine(name: string, make: MakeEngine): void {
  describe(`Engine: ${name}`, () => {
    let engine: Engine;
    let app: Notebook;
    const ends: AbortController[] = [];
    beforeEach(async () => {
      engine = await make();
      app = new Notebook();
      await engine.start(app, abortLater());
    });
    afterEach(() => engine.stop());
    after(() => {
      for (const end of ends) end.abort();
    });

    function abortLater(): AbortSignal {
      const controller = new AbortController();
      ends.push(controller);
      return controller.signal;
    }

    const submit = (tx: string) => engine.submit(Buffer.from(tx));

    it('executes every transaction once, in blocks of growing height and time', async () => {
      const sent = Array.from({ length: 60 }, (_, i) => `tx ${i}`);
      for (const [i, tx] of sent.entries()) {
        await submit(tx);
        if (i % 7 === 0) await until(() => app.transactions.includes(tx));
      }
      await until(() => app.transactions.length >= sent.length);
      assert.deepEqual([...app.transactions].sort(), [...sent].sort());
      assert.ok(app.blocks.length > 1);
      for (const [i, block] of app.blocks.entries()) {
        assert.equal(block.height, i + 1);
        assert.ok(block.time > (app.blocks[i - 1]?.time ?? 0), `time of block ${block.height}`);
      }
    });

    it('asks in order: validate, execute, commit, and only then shows the block', async () => {
      assert.equal(engine.head(), undefined);
      const shown = next(engine.finalized(1, abortLater()));
      await submit('a');
      const first = await shown;
      assert.equal(app.committed >= 1, true);
      const calls = app.calls.filter((call) => call.endsWith(' 1'));
      assert.deepEqual(calls.slice(-3), ['validate 1', 'execute 1', 'commit 1']);
      assert.deepEqual([first?.height, first?.id.length], [1, 32]);
      assert.ok((engine.head()?.height ?? 0) >= 1);
      assert.ok((first?.evidence.scheme ?? '') !== '');
    });

    it('tells final blocks from any height on, without gaps, to each listener', async () => {
      for (const tx of ['a', 'b', 'c']) {
        await submit(tx);
        await until(() => app.transactions.includes(tx));
      }
      await until(() => engine.head()?.height === app.blocks.length);
      const count = app.blocks.length;
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
      assert.equal(
        new Set((await all).map((b) => Buffer.from(b.id).toString('hex'))).size,
        count + 1,
      );
    });

    it('goes on when a transaction is left out', async () => {
      await submit('!no');
      await submit('yes');
      await until(() => app.transactions.includes('yes'));
      assert.deepEqual(app.transactions, ['yes']);
    });

    it('turns away more than it can hold', async () => {
      const flood = await Promise.allSettled(
        Array.from({ length: 100_000 }, (_, i) => submit(`flood ${i}`)),
      );
      const refused = flood.filter((r) => r.status === 'rejected');
      assert.ok(refused.length > 0);
      for (const r of refused) assert.equal(r.reason.code, 'consensus/overloaded');
      const taken = flood.length - refused.length;
      await until(() => app.transactions.length === taken);
    });

    it('ends its streams and takes nothing more once stopped', async () => {
      const reading = take(engine.finalized(1, abortLater()), 1_000);
      await submit('a');
      await until(() => app.committed >= 1);
      await engine.stop();
      await engine.stop();
      assert.equal((await reading).length, app.committed);
      await assert.rejects(submit('b'), { code: 'consensus/stopped' });
    });

    it('ends a stream with its signal, and runs on', async () => {
      const controller = new AbortController();
      const reading = take(engine.finalized(1, controller.signal), 1_000);
      controller.abort();
      assert.deepEqual(await reading, []);
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
