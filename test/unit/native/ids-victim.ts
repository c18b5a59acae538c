/** A process that reserves ids and appends records over the layer that loses unsynced data, and says which, until it is killed. */
import { writeSync } from 'node:fs';
import { openCore } from '../../../native/index.ts';
import { options, outcomes, proposal } from './support.ts';

const [dir = '', name = ''] = process.argv.slice(2);
const core = await openCore(options(dir, { fileLayer: 'lose-unsynced' }));

/** Tells the first id, and the one behind the last: a call's ids follow each other in the sequence. */
async function reserve(): Promise<void> {
  for (;;) {
    // Far more than there are in the time this takes, so that windows are entered all the time.
    const runs = await core.reserveIds(1_000_000);
    const last = runs.at(-1);
    if (last) writeSync(1, `${runs[0]?.first} ${last.first + BigInt(last.count)}\n`);
  }
}

async function append(): Promise<void> {
  for (let round = 0; ; round++) {
    const answer = await core.propose(0, proposal(`${name}-${round}`), {
      wait: 'durable',
      paths: false,
    });
    const id = outcomes(answer.outcomes)[0]?.id ?? 0n;
    writeSync(1, `${id} ${id + 1n}\n`);
  }
}

await Promise.all([reserve(), append()]);
