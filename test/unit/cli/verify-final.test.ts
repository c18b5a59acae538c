import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT } from '../../../cli/exit-codes.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
const vectors = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url), 'utf8'));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

describe('verify and trust with a pinned chain', function () {
  this.timeout(60_000);
  const dir = tempDir();
  const { trust, receipts } = vectors('finality.json');
  const { genesis } = vectors('identity.json');

  const file = (name: string, text: string) => {
    writeFileSync(join(dir(), name), text);
    return name;
  };

  function pyralog(...args: string[]): Promise<Ran> {
    const { promise, resolve } = Promise.withResolvers<Ran>();
    const env = { PATH: process.env['PATH'], HOME: dir(), XDG_CONFIG_HOME: dir() };
    execFile(process.execPath, [MAIN, ...args], { cwd: dir(), env }, (error, out, err) =>
      resolve({ code: Number(error?.code ?? 0), out, err }),
    );
    return promise;
  }

  /** The vectors' receipts are of a file that holds `record 2`. */
  function verify(why: string, store: string, ...args: string[]): Promise<Ran> {
    const row = receipts.find((receipt: { why: string }) => receipt.why === why);
    file('data', 'record 2');
    file('data.pyr.json', row.json);
    file('trust.json', trust[store]);
    return pyralog('verify', 'data', '--trust', 'trust.json', ...args);
  }

  it('says by when, then who signed and who voted (V6, F6, F8)', async () => {
    const { code, out, err } = await verify('anchored', 'both');
    assert.equal(code, EXIT.ok.code, err);
    const lines = out.split('\n');
    assert.equal(
      lines[0],
      'data: verified, existed no later than 2026-09-21T14:13:26.000Z (final)',
    );
    assert.match(out, /^ {2}the log claims 2026-/m);
    assert.match(out, /^ {2}signed by .*node-0, .*node-1: 2 of 3 keys, 2 needed, covers crashes/m);
    assert.match(out, /^ {2}final in block 3 of devnet-[0-9a-f]{16}, time 2026-/m);
    assert.match(
      out,
      /^ {2}voted for by validator-0, .*: 4 of 4 validators with 100 of 100 power/m,
    );
  });

  it('says that it has the chain’s word alone where no keys are pinned (F8)', async () => {
    const { code, out } = await verify('by history', 'chain');
    assert.equal(code, EXIT.ok.code);
    assert.match(out, /no keys are pinned for this log: .* is the word of the chain/);
    assert.match(out, /by the history of block 6/);
    assert.doesNotMatch(out, /claims|signed by/);
  });

  it('answers programs with decimal strings (E3)', async () => {
    const { out } = await verify('anchored', 'both', '--json');
    const [answer] = JSON.parse(out).files;
    assert.deepEqual([answer.level, answer.basis, answer.final.height], ['final', 'policy', '3']);
    assert.equal(answer.final.noLaterThan, '1790000006000');
    assert.deepEqual(
      answer.final.signers.map(({ name, power }: { name: string; power: string }) => [name, power]),
      [
        ['validator-0', '40'],
        ['validator-1', '30'],
        ['validator-2', '20'],
        ['validator-3', '10'],
      ],
    );
  });

  it('fails on any doubt and says what to do (E1, V7)', async () => {
    const unknown = await verify('anchored', 'policies');
    assert.equal(unknown.code, EXIT.failed.code);
    assert.match(
      unknown.err,
      /no chain of network devnet-.* pin the chain with `pyralog trust add/,
    );
    const weak = await verify('too little power', 'both');
    assert.equal(weak.code, EXIT.failed.code);
    assert.match(weak.err, /60 of 100 power/);
    const old = await verify('older than the root', 'later');
    assert.equal(old.code, EXIT.failed.code);
    assert.match(old.err, /upgrade the receipt/);
  });

  it('pins the chain of a genesis document after showing it, one per network (E7, F1, T5)', async () => {
    const [first, second] = genesis.slice(-2);
    file('genesis.json', first.json);
    const asked = await pyralog('trust', 'add', 'genesis.json', '--trust', 'own.json');
    assert.equal(asked.code, EXIT.failed.code);
    assert.match(asked.err, /more than two thirds of 100 power needed/);
    assert.match(asked.err, /validator-3 [0-9a-f]{64} power 10/);
    const add = (name: string) =>
      pyralog('trust', 'add', name, '--trust', 'own.json', '--yes', '--json');
    assert.equal(JSON.parse((await add('genesis.json')).out).replaced, 0);
    assert.equal(readFileSync(join(dir(), 'own.json'), 'utf8'), first.trust);
    const again = await add('genesis.json');
    assert.equal(JSON.parse(again.out).replaced, 1);
    assert.match(again.err, /this replaces what is pinned for the chain of devnet-/);
    file('genesis.json', second.json);
    await add('genesis.json');
    await add(file('policies.json', trust['both']));
    const listed = await pyralog('trust', 'list', '--trust', 'own.json', '--json');
    const { policies, chains } = JSON.parse(listed.out);
    assert.deepEqual([policies.length, chains.length], [1, 3]);
    assert.deepEqual([chains[0].height, chains[0].validators[0].power], ['0', '40']);
    const other = await pyralog('trust', 'list', '--trust', 'own.json');
    assert.match(other.out, /^chain of devnet-[0-9a-f]{16}, from block 0: /m);
  });

  it('pins no chain of a genesis that has none or that is damaged', async () => {
    const [first] = genesis.slice(-2);
    const plain = JSON.parse(first.json);
    delete plain.chain;
    for (const text of [
      JSON.stringify(plain),
      first.json.replace('"power": "40"', '"power": "4"'),
    ]) {
      const { code, err } = await pyralog('trust', 'add', file('g.json', text), '--yes');
      assert.equal(code, EXIT.failed.code);
      assert.match(err, /without a chain|validators stand by power/);
    }
  });
});
