import { strict as assert } from 'node:assert';
import { silentLogger } from '../../../base/log.ts';
import { createSeedSigner, MemoryPosDisk } from '../../../consensus/index.ts';
import { createProtection } from '../../../consensus/pos/protection.ts';
import { Signing } from '../../../consensus/pos/signing.ts';

const network = 'devnet-0011223344556677';

describe('pos: the log of the engine is lost, the slashing protection is not (P23)', () => {
  const random = () => 0.5;
  const signer = createSeedSigner(new Uint8Array(32).fill(7));

  async function signed(disk: MemoryPosDisk, logged: (height: number) => boolean) {
    const signing = await Signing.open({ disk, random, signer, log: silentLogger }, network);
    signing.forgets(logged, 4);
    return {
      vote: async (height: number, round: number) => {
        const what = 'prevote' as const;
        return (
          (await signing.sign({
            what,
            height,
            round,
            id: undefined,
            bytes: Uint8Array.of(round),
          })) !== undefined
        );
      },
      close: () => signing.close(),
    };
  }

  it('votes for nothing in the height it may be locked in, and again above it', async () => {
    const disk = new MemoryPosDisk({ random });
    await createProtection(
      { disk, random },
      { network, key: signer.publicKey, newValidator: true },
    );
    const first = await signed(disk, () => false);
    assert.equal(await first.vote(5, 0), true, 'a new key has nothing to forget');
    await first.close();

    const kept = await signed(disk, (height) => height === 5);
    assert.equal(await kept.vote(5, 1), true);
    await kept.close();

    const lost = await signed(disk, () => false);
    assert.deepEqual([await lost.vote(5, 2), await lost.vote(6, 0)], [false, true]);
    await lost.close();
  });
});
