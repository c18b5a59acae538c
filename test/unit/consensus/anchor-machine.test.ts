import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start, step } from '../../../consensus/anchor/machine.ts';
import type { Effect, Input } from '../../../consensus/anchor/types.ts';

// Transcripts: each block is a command, a line of dashes, and what the machine did.
// To accept a changed behaviour run `REWRITE=1 npm test` and read the diff.
const SCRIPTS = join(import.meta.dirname, '../../scripts/anchor');
const LIMITS = { intervalMs: 1_000, retryMs: 200 };

describe('anchor machine', () => {
  for (const file of readdirSync(SCRIPTS)) {
    it(`follows ${file}`, () => {
      const path = join(SCRIPTS, file);
      const expected = readFileSync(path, 'utf8');
      const actual = replay(expected);
      if (process.env['REWRITE'] === '1') writeFileSync(path, actual);
      else assert.equal(actual, expected);
    });
  }

  it('stops on an answer nobody asked for', () => {
    const state = start(LIMITS, 0);
    const unasked: Input[] = [
      { kind: 'anchored', size: 1, height: 1 },
      { kind: 'rejected', size: 1, now: 1 },
    ];
    for (const input of unasked) {
      assert.throws(() => step(state, input), /only the anchor in flight is answered/);
    }
  });

  it('takes up where the chain is', () => {
    const state = start(LIMITS, 50);
    assert.deepEqual(step(state, parse('checkpoint 50')).effects, []);
    const next = step(state, parse('checkpoint 51')).state;
    assert.deepEqual(step(next, parse('tick 0')).effects.map(print), ['submit 51 from=50']);
  });
});

function replay(script: string): string {
  let state = start(LIMITS, 0);
  const out: string[] = [];
  let inOutput = false;
  for (const line of script.split('\n')) {
    if (line === '----') {
      inOutput = true;
    } else if (line === '') {
      inOutput = false;
      out.push('');
    } else if (line.startsWith('#')) {
      out.push(line);
    } else if (!inOutput) {
      const result = step(state, parse(line));
      state = result.state;
      const effects = result.effects.length ? result.effects.map(print) : ['(nothing)'];
      out.push(line, '----', ...effects);
    }
  }
  return out.join('\n');
}

function parse(line: string): Input {
  const [kind, number, ...options] = line.split(' ');
  const size = Number(number);
  const option = (name: string) =>
    options.filter((o) => o.startsWith(`${name}=`)).map((o) => Number(o.slice(name.length + 1)))[0];
  if (kind === 'checkpoint') {
    return { kind, checkpoint: { origin: 'test/0', size, roots: [], note: `note ${size}` } };
  }
  if (kind === 'tick') return { kind, now: size };
  if (kind === 'anchored') return { kind, size, height: option('height') ?? Number.NaN };
  const anchoredSize = option('anchored');
  if (kind === 'rejected') {
    const now = option('now') ?? Number.NaN;
    return { kind, size, now, ...(anchoredSize === undefined ? {} : { anchoredSize }) };
  }
  throw new Error(`unknown command: ${line}`);
}

function print(effect: Effect): string {
  if (effect.kind === 'submit') return `submit ${effect.checkpoint.size} from=${effect.from}`;
  if (effect.kind === 'wake') return `wake ${effect.at}`;
  return `final ${effect.checkpoint.size} height=${effect.height}`;
}
