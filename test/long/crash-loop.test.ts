/** Twenty lives of one data directory, each ended by kill -9 under load, over both file layers. Minutes, not seconds. */
import { strict as assert } from 'node:assert';
import { createClient } from '../../client/index.ts';
import { type Promised, submitUntil } from '../support/load.ts';
import { Workspace } from '../support/node-process.ts';

const LIVES = Number(process.env['RUNS'] ?? 20);

for (const fileLayer of ['real', 'lose-unsynced']) {
  describe(`${LIVES} kills under load, file layer ${fileLayer}`, function () {
    this.timeout(LIVES * 60_000);
    const workspace = new Workspace();
    after(() => workspace.remove());

    it('keeps every acknowledged record in its place and never repeats an id', async () => {
      const settings = { 'store.fileLayer': fileLayer, 'store.walFileMiB': '1' };
      await workspace.json(['init', '.', '--network', 'e2e']);
      const all: Promised[] = [];
      for (let life = 0; life < LIVES; life++) {
        const node = await workspace.start(settings);
        assert.equal(
          node.ready.recovery.readOnly,
          false,
          `life ${life}: ${node.ready.recovery.damage}`,
        );
        await checkSome(node.url, all);
        // Another moment each time: from the first answers to well into the second log file.
        const answers = 1 + ((life * 977) % 4_000);
        let killed: Promise<void> | undefined;
        const { promised } = await submitUntil(node.url, 48, (answered) => {
          if (answered === answers) killed = node.kill9();
        });
        await killed;
        all.push(...promised);
        assert.equal(
          new Set(all.map(({ id }) => id)).size,
          all.length,
          `life ${life}: an id came back`,
        );
        assert.equal(
          new Set(all.map(({ offset }) => offset)).size,
          all.length,
          `life ${life}: an offset came back`,
        );
      }
      const last = await workspace.start(settings);
      await checkSome(last.url, all, all.length);
      assert.equal((await last.stop()).code, 0);
    });
  });
}

/** Checks up to `most` of the promises, the newest first. */
async function checkSome(url: string, all: readonly Promised[], most = 3_000): Promise<void> {
  const client = createClient({ url, submitter: 'load' });
  try {
    const some = all.slice(-most);
    for (let at = 0; at < some.length; at += 500) {
      const part = some.slice(at, at + 500);
      const found = await Promise.all(part.map(({ id }) => client.status(id)));
      for (const [i, { offset, digest }] of part.entries())
        assert.deepEqual([found[i]?.offset, found[i]?.digest], [offset, digest]);
    }
  } finally {
    await client.close();
  }
}
