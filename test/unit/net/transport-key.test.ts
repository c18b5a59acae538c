import { deepEqual } from 'node:assert/strict';
import { generateKeyPairFromSeed, privateKeyFromRaw } from '@libp2p/crypto/keys';
import { transportKey } from '../../../net/libp2p/transport-key.ts';

describe("a node's transport key", () => {
  it('is the one that libp2p derives from the same seed', async () => {
    for (const fill of [0, 1, 127, 255]) {
      const seed = new Uint8Array(32).fill(fill);
      const own = privateKeyFromRaw(transportKey(seed));
      const theirs = await generateKeyPairFromSeed('Ed25519', seed);
      deepEqual(own.raw, theirs.raw);
      deepEqual(own.publicKey.raw, theirs.publicKey.raw);
    }
  });
});
