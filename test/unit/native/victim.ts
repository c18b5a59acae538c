/** A process that proposes over the layer that loses unsynced data, and says what was acknowledged, until it is killed. */
import { writeSync } from 'node:fs';
import { openCore } from '../../../native/index.ts';
import { options, outcomes, proposal } from './support.ts';

const [dir = '', name = ''] = process.argv.slice(2);
const core = await openCore(options(dir, { fileLayer: 'lose-unsynced' }));

async function client(number: number): Promise<void> {
  for (let round = 0; ; round++) {
    const label = `${name}-${number}-${round}`;
    const wait = round % 2 === 0 ? 'durable' : 'checkpoint';
    const answer = await core.propose(0, proposal(label), { wait, paths: false });
    const [outcome] = outcomes(answer.outcomes);
    const note = answer.checkpoint?.note.split('\n').slice(1, 3) ?? [];
    writeSync(1, `${label} ${outcome?.offset} ${outcome?.id} ${note.join(' ')}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, number) => client(number)));
