/** A process that makes blocks on disk and says each height once it is durable, until it is killed. Argument: directory. */
import { openLevelKeyValue } from '../../storage/index.ts';
import { accountOf, openTestChain, transfer } from './chain.ts';

const chain = await openTestChain({ store: await openLevelKeyValue(process.argv[2] ?? '') });
for (;;) {
  const { nonce } = await chain.reader.account(accountOf(0));
  await chain.step([(await transfer(0, nonce, accountOf(60), 1n)).bytes]);
  process.stdout.write(`${chain.reader.head()?.height}\n`);
}
