import assert from 'node:assert/strict';
import { openCore } from '../../../native/index.ts';
import { killedVictim } from '../../support/killed-victim.ts';
import { multihash, options, rows, temporary } from './support.ts';

/** Lets the victim acknowledge `lines` proposals, then kills it; returns what it said in whole lines. */
const load = (dir: string, name: string, lines: number) =>
  killedVictim(new URL('./victim.ts', import.meta.url), [dir, name], lines);

describe('native core killed under load, unsynced data lost', function () {
  this.timeout(30_000);

  it('keeps everything acknowledged and everything signed', async () => {
    const place = temporary();
    try {
      const told: string[] = [];
      for (let round = 0; round < 3; round++) {
        told.push(...(await load(place.dir, `r${round}`, 150)));
      }
      const core = await openCore(options(place.dir));
      for (const line of told) {
        const [label = '', offset, id, size, root] = line.split(' ');
        assert.deepEqual(core.offsetsOfDigest(0, multihash(label), 2), [Number(offset)], line);
        assert.equal(core.offsetOfId(0, BigInt(id ?? '')), Number(offset), line);
        if (size) {
          const now = Buffer.from(core.root(0, Number(size), 'blake3')).toString('base64');
          assert.equal(now, root, line);
        }
      }
      const ids = rows(core.read(0, 0, 1 << 30)).map((row) => row.id);
      assert.equal(new Set(ids).size, core.durableSize(0));
      assert.ok(told.length >= 450);
      await core.close();
    } finally {
      place.remove();
    }
  });
});
