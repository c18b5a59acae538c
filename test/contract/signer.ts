import { strict as assert } from 'node:assert';
import { type Signer, verifySigned } from '../../consensus/index.ts';

/** What every {@link Signer} keeps. `make` gives two of different keys. */
export function describeSigner(name: string, make: () => Promise<readonly [Signer, Signer]>): void {
  describe(`Signer: ${name}`, () => {
    const bytes = Buffer.from('a vote');

    it('signs for one domain, one network, one message and one key', async () => {
      const [signer, other] = await make();
      const signature = await signer.sign('vote', 'devnet-00', bytes);
      assert.equal(signature.length, 64);
      const good = { domain: 'vote', network: 'devnet-00', bytes, signature };
      assert.equal(verifySigned(good, signer.publicKey), true);
      const bad = [
        { ...good, domain: 'transaction' },
        { ...good, network: 'devnet-01' },
        { ...good, bytes: Buffer.from('a vote!') },
        // The same characters, cut elsewhere.
        { ...good, domain: 'voted', network: 'evnet-00' },
        { ...good, network: 'devnet-00a', bytes: Buffer.from(' vote') },
      ];
      for (const signed of bad) assert.equal(verifySigned(signed, signer.publicKey), false);
      assert.equal(verifySigned(good, other.publicKey), false);
    });

    it('signs the same bytes alike', async () => {
      const [signer] = await make();
      const once = await signer.sign('vote', 'devnet-00', bytes);
      assert.deepEqual(await signer.sign('vote', 'devnet-00', bytes), once);
    });
  });
}
