/**
 * The promise of the whole node: what was answered `durable` is there after kill -9, at the same place, and provable.
 * Run over the real file layer, and over one that loses at the kill whatever was not synced, as a power cut would.
 */
import { strict as assert } from 'node:assert';
import { createClient } from '../../client/index.ts';
import { verifyReceipt } from '../../receipt/index.ts';
import { submitUntil } from '../support/load.ts';
import { Workspace } from '../support/node-process.ts';
import { trustOf } from '../support/trust.ts';

const ANSWERS_BEFORE_KILL = 3_000;

for (const fileLayer of ['real', 'lose-unsynced']) {
  describe(`kill -9 under load, file layer ${fileLayer}`, function () {
    this.timeout(120_000);
    const workspace = new Workspace();
    after(() => workspace.remove());

    it('loses nothing it acknowledged and repeats no id', async () => {
      const settings = { 'store.fileLayer': fileLayer, 'store.walFileMiB': '1' };
      await workspace.json(['init', '.', '--network', 'e2e']);
      const first = await workspace.start(settings);
      await workspace.json(['trust', 'add', first.http, '--yes']);
      const trust = trustOf(workspace);

      let killed: Promise<void> | undefined;
      const { promised, open } = await submitUntil(first.url, 64, (answered) => {
        if (answered === ANSWERS_BEFORE_KILL) killed = first.kill9();
      });
      await killed;
      assert.ok(promised.length >= ANSWERS_BEFORE_KILL);
      assert.ok(open.length > 0, 'the kill came in the middle of the load');

      const second = await workspace.start(settings);
      assert.equal(second.ready.recovery.readOnly, false);
      const client = createClient({ url: second.url, submitter: 'load' });
      try {
        const status = await Promise.all(promised.map(({ id }) => client.status(id)));
        for (const [i, expected] of promised.entries()) {
          const found = status[i];
          assert.deepEqual(
            { offset: found?.offset, epoch: found?.epoch, digest: found?.digest },
            { offset: expected.offset, epoch: expected.epoch, digest: expected.digest },
          );
        }
        // A retry of an acknowledged call finds the first; one of an open call is decided now, once.
        const again = await client.submitBatch(
          promised
            .slice(0, 500)
            .map(({ digest, key }) => ({ algorithm: 'sha256', digest, idempotencyKey: key })),
        );
        for (const [i, outcome] of again.entries()) {
          assert.ok(outcome.ok && outcome.submitted.duplicate);
          assert.equal(outcome.submitted.id, promised[i]?.id);
        }
        const late = await client.submitBatch(
          open.map(({ digest, key }) => ({ algorithm: 'sha256', digest, idempotencyKey: key })),
        );
        const ids = [
          ...promised.map(({ id }) => id),
          ...late.map((outcome) => (outcome.ok ? outcome.submitted.id : 0n)),
        ];
        assert.equal(new Set(ids).size, ids.length, 'ids are unique across the crash');
        for (const { id, digest } of promised.filter((_, i) => i % 50 === 0)) {
          const receipt = await client.receipt(id, { waitFor: 'checkpoint' });
          const verdict = verifyReceipt(receipt, digest, trust);
          assert.ok(verdict.ok, verdict.ok ? '' : verdict.message);
        }
      } finally {
        await client.close();
      }
      assert.equal((await second.stop()).code, 0);

      const third = await workspace.start(settings);
      const { clean, cutBytes, records } = third.ready.recovery;
      assert.deepEqual(
        { clean, cutBytes },
        { clean: true, cutBytes: 0 },
        'the second start is clean',
      );
      assert.ok(records >= promised.length);
      assert.equal((await third.stop()).code, 0);
    });
  });
}
