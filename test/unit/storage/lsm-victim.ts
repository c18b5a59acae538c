/** A process that writes batches and says which resolved, until it is killed. */
import { writeSync } from 'node:fs';
import { openLsmKeyValue } from '../../../storage/index.ts';

const [dir = '', name = ''] = process.argv.slice(2);
const kv = await openLsmKeyValue(dir);
const text = (value: string) => Buffer.from(value);

async function client(number: number): Promise<void> {
  for (let round = 0; ; round++) {
    const label = `${name}-${number}-${round}`;
    await kv.batch([
      { kind: 'put', key: text(`left-${label}`), value: text(label) },
      { kind: 'put', key: text(`right-${label}`), value: text(label.repeat(50)) },
      { kind: 'put', key: text(`newest-${name}-${number}`), value: text(String(round)) },
      { kind: 'delete', key: text(`left-${name}-${number}-${round - 2}`) },
    ]);
    writeSync(1, `${name} ${number} ${round}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, (_, number) => client(number)));
