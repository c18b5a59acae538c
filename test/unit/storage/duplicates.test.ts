import { strict as assert } from 'node:assert';
import { createMemoryLogStore, type ProposedRecord } from '../../../storage/index.ts';
import { partitionsOf } from '../../support/memory-notary.ts';

/** Applies one record an entry: a letter is its content, `k:a` content `a` under key `k`; `@12` sets the log's time. */
function run(window: { dedupRecords?: number; dedupWindowMs?: number }, script: string): string {
  const store = createMemoryLogStore(partitionsOf(1, window));
  let timestamp = 0;
  let id = 0n;
  const told: string[] = [];
  for (const word of script.split(' ')) {
    if (word.startsWith('@')) {
      timestamp = Number(word.slice(1));
      continue;
    }
    const records = word.split('+').map(recordOf);
    const base = id;
    id += BigInt(records.length);
    const idOf = (index: number) => base + BigInt(index);
    for (const { status, offset } of store.apply(0, { epoch: 1, timestamp, idOf, records })) {
      told.push(status === 'new' ? `${offset}` : `${status[0]}${offset}`);
    }
  }
  return told.join(' ');
}

function recordOf(word: string): ProposedRecord {
  const [content, key] = word.split(':').reverse();
  return {
    schemaId: 0,
    value: Buffer.from(content ?? ''),
    submitter: '',
    ...(key === undefined ? {} : { idempotencyKey: key }),
  };
}

describe('the window of duplicates (N3)', () => {
  it('counts records: one that lies `records` behind still counts, the next does not', () => {
    assert.equal(run({ dedupRecords: 3 }, 'a b c a'), '0 1 2 d0');
    assert.equal(run({ dedupRecords: 3 }, 'a b c d a'), '0 1 2 3 4');
    assert.equal(run({ dedupRecords: 1 }, 'a a b a'), '0 d0 1 2');
  });

  it('counts log time: one that is exactly the window old still counts', () => {
    assert.equal(run({ dedupWindowMs: 100 }, '@1 a @101 a'), '0 d0');
    assert.equal(run({ dedupWindowMs: 100 }, '@1 a @102 a'), '0 1');
  });

  it('is the shorter of the two', () => {
    assert.equal(run({ dedupRecords: 1, dedupWindowMs: 100 }, '@1 a b @2 a'), '0 1 2');
    assert.equal(run({ dedupRecords: 9, dedupWindowMs: 0 }, '@1 a a @2 a'), '0 d0 1');
  });

  it('is not renewed by a duplicate or a conflict, which take no offset either (N2)', () => {
    assert.equal(run({ dedupWindowMs: 100 }, '@1 a @90 a @102 a'), '0 d0 1');
    assert.equal(run({ dedupWindowMs: 100 }, '@1 k:a @90 k:b @102 k:b'), '0 c0 1');
    assert.equal(run({ dedupRecords: 2 }, 'a b a a a c a'), '0 1 d0 d0 d0 2 3');
  });

  it('gives an expired key to whoever comes next', () => {
    assert.equal(run({ dedupRecords: 1 }, 'k:a b k:c k:c k:a'), '0 1 2 d2 c2');
  });

  it('decides the records of one entry in order, each seeing those before', () => {
    assert.equal(run({}, 'a+b+a+k:a+k:b+k:a'), '0 1 d0 2 c2 d2');
    assert.equal(run({ dedupRecords: 1 }, 'a+b+a'), '0 1 2');
  });
});
