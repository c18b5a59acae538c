import assert from 'node:assert/strict';
import { createMemoryIdSequencer, idsOf, scarabId, scarabParts } from '../../../storage/index.ts';

const NOON = Date.UTC(2026, 10, 21, 12);

describe('ids in memory', () => {
  it('go on logically when the clock is set back, and are refused when it is too far (S4)', async () => {
    let wall = NOON;
    const ids = createMemoryIdSequencer({ wall: () => wall }, { leadMsMax: 1_000 });
    const [before] = await ids.reserve(10);
    wall -= 1_000;
    const [after] = await ids.reserve(1);
    assert.equal(after?.first, (before?.first ?? 0n) + 10n);
    wall--;
    await assert.rejects(ids.reserve(1), { code: 'log/clock-behind', message: /1001 ms ahead/ });
    wall = NOON + 1;
    const [later] = await ids.reserve(1);
    assert.equal(scarabParts(later?.first ?? 0n).unixMs, NOON + 1);
  });

  it('move logical time on when there are more than 8,192 in a millisecond (S5)', async () => {
    const ids = createMemoryIdSequencer({ wall: () => NOON }, { leadMsMax: 2, coordinator: 1_023 });
    const runs = await ids.reserve(3 * 8_192);
    assert.deepEqual(
      runs.map(({ first }) => scarabParts(first)),
      [0, 1, 2].map((ms) => ({ unixMs: NOON + ms, coordinator: 1_023, sequence: 0 })),
    );
    await assert.rejects(ids.reserve(1), { code: 'log/clock-behind' });
    assert.equal(idsOf(runs).at(-1), (runs[2]?.first ?? 0n) + 8_191n);
  });

  it('are those of the specification (S1)', () => {
    // 2026-01-02T03:04:05.678Z, coordinator 5, number 77.
    const parts = { unixMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678), coordinator: 5, sequence: 77 };
    const id = (97_445_678n << 23n) | (5n << 13n) | 77n;
    assert.equal(scarabId(parts), id);
    assert.deepEqual(scarabParts(id), parts);
    assert.equal(scarabParts(2n ** 64n - 1n).sequence, 8_191);
    assert.deepEqual(
      [...idsOf([{ first: 2n ** 64n - 2n, count: 2 }])],
      [2n ** 64n - 2n, 2n ** 64n - 1n],
    );
  });
});
