import { strict as assert } from 'node:assert';
import { hashesOf, packInputs } from '../../../native/pack.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('lists of bytes across the binding', () => {
  it('carry the length of each input before it', () => {
    assert.deepEqual(
      packInputs([bytes(7), bytes(), bytes(8, 9)]),
      bytes(1, 0, 0, 0, 7, 0, 0, 0, 0, 2, 0, 0, 0, 8, 9),
    );
    assert.deepEqual(packInputs([]), bytes());
  });

  it('come back as hashes of 32 bytes', () => {
    const joined = Uint8Array.from({ length: 64 }, (_, i) => i);
    assert.deepEqual(hashesOf(joined), [joined.slice(0, 32), joined.slice(32)]);
    assert.deepEqual(hashesOf(bytes()), []);
  });
});
