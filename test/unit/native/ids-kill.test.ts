import assert from 'node:assert/strict';
import { openCore } from '../../../native/index.ts';
import { killedVictim } from '../../support/killed-victim.ts';
import { options, rows, temporary } from './support.ts';

/** Ids from `first` up to `end`. */
interface Taken {
  readonly first: bigint;
  readonly end: bigint;
}

/** Lets the victim take ids, then kills it; returns what it said that it had. */
async function taken(dir: string, name: string): Promise<Taken[]> {
  const program = new URL('./ids-victim.ts', import.meta.url);
  const lines = await killedVictim(program, [dir, name], 300);
  return lines.map((line) => {
    const [first = '', end = ''] = line.split(' ');
    return { first: BigInt(first), end: BigInt(end) };
  });
}

const isRecord = ({ first, end }: Taken) => end - first === 1n;

describe('ids of a core that is killed again and again, unsynced data lost', function () {
  this.timeout(60_000);

  it('are never given twice (S3, S8)', async () => {
    const place = temporary();
    try {
      const all: Taken[] = [];
      for (let round = 0; round < 3; round++) all.push(...(await taken(place.dir, `r${round}`)));
      assert.ok(all.length >= 900);
      assert.ok(all.some(isRecord) && !all.every(isRecord));
      const core = await openCore(options(place.dir));
      const [later] = await core.reserveIds(10);
      all.push({ first: later?.first ?? 0n, end: (later?.first ?? 0n) + 10n });
      all.sort((a, b) => (a.first < b.first ? -1 : 1));
      for (const [place, { first }] of all.entries()) {
        assert.ok((all[place - 1]?.end ?? 0n) <= first, `${first} was given twice`);
      }
      // Of all records, those that nobody was told of among them.
      const reserved = all.filter((one) => !isRecord(one));
      for (const { id } of rows(core.read(0, 0, 1 << 30))) {
        const found = reserved.find(({ first, end }) => id >= first && id < end);
        assert.equal(found, undefined, `record ${id} has a reserved id`);
      }
      await core.close();
    } finally {
      place.remove();
    }
  });
});
