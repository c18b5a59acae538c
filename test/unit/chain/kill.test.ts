import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openLevelKeyValue } from '../../../storage/index.ts';
import { accountOf, openTestChain, transfer } from '../../support/chain.ts';
import { tempDir } from '../../support/temp-dir.ts';

const VICTIM = fileURLToPath(new URL('../../support/chain-victim.ts', import.meta.url));

/** Runs a process on the directory until it has made `blocks` more blocks, then kills it; the newest height it told. */
async function runAndKill(dir: string, blocks: number): Promise<number> {
  const child = spawn(process.execPath, [VICTIM, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  let told = 0;
  let left = blocks;
  for await (const line of createInterface({ input: child.stdout })) {
    told = Number(line);
    if (--left === 0) child.kill('SIGKILL');
  }
  await gone;
  return told;
}

describe('a process that is killed (X21)', () => {
  const dir = tempDir();

  it('has every block that it said was final, and state and money to go with it', async () => {
    const place = join(dir(), 'chain');
    let least = 0;
    for (const blocks of [1, 7, 23]) {
      least = await runAndKill(place, blocks);
      const chain = await openTestChain({ store: await openLevelKeyValue(place) });
      const height = chain.reader.head()?.height ?? 0;
      assert.ok(height >= least && height > 0, `${height} of ${least}`);
      assert.deepEqual(await chain.reader.account(accountOf(60)), {
        nonce: 0n,
        balance: BigInt(height),
      });
      await chain.end();
    }
    const chain = await openTestChain({ store: await openLevelKeyValue(place) });
    const before = chain.reader.head()?.height ?? 0;
    assert.ok(before >= 31);
    const { nonce } = await chain.reader.account(accountOf(0));
    await chain.step([(await transfer(0, nonce, accountOf(60), 1n)).bytes]);
    assert.equal(chain.reader.head()?.height, before + 1);
    await chain.end();
  });
});
