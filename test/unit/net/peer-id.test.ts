import { strict as assert } from 'node:assert';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { peerIdOf } from '../../../net/index.ts';

describe('peer id of a transport key', () => {
  it("is libp2p's", async () => {
    for (const fill of [0, 1, 7, 255]) {
      const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(fill));
      assert.equal(peerIdOf(key.publicKey.raw), peerIdFromPrivateKey(key).toString());
    }
  });
});
