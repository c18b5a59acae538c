/**
 * Lives of one data directory that end by kill -9 while segments are sealed behind a load of packed digests, merged, and
 * their log's files used again. Minutes, not seconds. `RUNS=…` lives.
 */
import { strict as assert } from 'node:assert';
import { createHash, randomBytes } from 'node:crypto';
import { createClient, outcomeAt, type PackedAnswer } from '../../client/index.ts';
import { type TrustStore, verifyReceipt } from '../../receipt/index.ts';
import { Workspace } from '../support/node-process.ts';
import { trustOf } from '../support/trust.ts';

const LIVES = Number(process.env['RUNS'] ?? 12);
const FRAME_DIGESTS = 8_192;
const LOOPS = 3;
const SETTINGS = {
  'store.walFileMiB': '4',
  'retention.mergeMiB': '512',
  'retention.tickMs': '20',
  'retention.mibPerSecond': '0',
};

/** A frame that was answered `durable`: its digests follow from the seed. */
interface Promised {
  readonly seed: Buffer;
  readonly outcomes: Uint8Array;
}

describe(`${LIVES} kills while segments are sealed and merged`, function () {
  this.timeout(LIVES * 120_000);
  const workspace = new Workspace();
  after(() => workspace.remove());

  it('keeps every acknowledged record, provable, and a store that is sound', async () => {
    await workspace.json(['init', '.', '--network', 'e2e']);
    const all: Promised[] = [];
    let end = 0;
    for (let life = 0; life < LIVES; life++) {
      const node = await workspace.start(SETTINGS);
      const { readOnly, damage, records } = node.ready.recovery;
      assert.equal(readOnly, false, `life ${life}: ${damage}`);
      assert.ok(records >= end, `life ${life}: ${records} records are left of ${end}`);
      if (life === 0) await workspace.json(['trust', 'add', node.http, '--yes']);
      await checkSome(node.url, all, trustOf(workspace));
      // From a life that seals nothing to one that seals several segments.
      const frames = 1 + ((life * 37) % 160);
      let killed: Promise<void> | undefined;
      const fresh = await submitFrames(node.url, (answered) => {
        if (answered === frames) killed = node.kill9();
      });
      await killed;
      all.push(...fresh);
      const ends = fresh.map(({ outcomes }) => 1 + offsetOf(outcomes, FRAME_DIGESTS - 1));
      end = Math.max(end, ...ends);
    }
    const last = await workspace.start(SETTINGS);
    await checkSome(last.url, all, trustOf(workspace));
    assert.equal((await last.stop()).code, 0);
    const checked = await workspace.cli(['db', 'check', '--dir', 'pyralog-data']);
    assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  });
});

/** Submits frames in a few loops until the node is killed under them. */
async function submitFrames(url: string, answered: (frames: number) => void): Promise<Promised[]> {
  const promised: Promised[] = [];
  const client = createClient({ url, submitter: 'load', retry: { attemptsMax: 1 } });
  const loop = async () => {
    for (;;) {
      const seed = randomBytes(16);
      let answer: PackedAnswer;
      try {
        answer = await client.submitPacked({ algorithm: 'sha256', digests: digestsOf(seed) });
      } catch {
        return; // the node was killed under this call
      }
      assert.equal(answer.durability, 'durable');
      promised.push({ seed, outcomes: answer.outcomes });
      answered(promised.length);
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  await client.close();
  return promised;
}

function digestsOf(seed: Buffer): Uint8Array {
  const digests = Buffer.alloc(32 * FRAME_DIGESTS);
  for (let i = 0; i < FRAME_DIGESTS; i++) digestOf(seed, i).copy(digests, 32 * i);
  return digests;
}

function digestOf(seed: Buffer, i: number): Buffer {
  return createHash('sha256').update(seed).update(String(i)).digest();
}

function offsetOf(outcomes: Uint8Array, i: number): number {
  return recorded(outcomes, i).offset;
}

/** What became of a digest of a frame: a record. */
function recorded(outcomes: Uint8Array, i: number) {
  const outcome = outcomeAt(outcomes, i);
  assert.ok(outcome !== undefined);
  return outcome;
}

/** A few records of every frame, with a receipt of one of the newest frames and of some older ones. */
async function checkSome(url: string, all: readonly Promised[], trust: TrustStore): Promise<void> {
  const client = createClient({ url, submitter: 'load' });
  try {
    for (const [at, { seed, outcomes }] of all.entries()) {
      for (const i of [0, (at * 4_099) % FRAME_DIGESTS, FRAME_DIGESTS - 1]) {
        const outcome = recorded(outcomes, i);
        const found = await client.status(outcome.id);
        assert.equal(found.offset, outcome.offset);
        assert.deepEqual(Buffer.from(found.digest), digestOf(seed, i));
      }
      if (at % 16 !== 0 && at !== all.length - 1) continue;
      const i = (at * 31) % FRAME_DIGESTS;
      const receipt = await client.receipt(recorded(outcomes, i).id, { waitFor: 'checkpoint' });
      const verdict = verifyReceipt(receipt, new Uint8Array(digestOf(seed, i)), trust);
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.message);
    }
  } finally {
    await client.close();
  }
}
