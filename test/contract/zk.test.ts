import { chainEnd, createTransparentProofs } from '../support/transparent-proofs.ts';
import { describeProofSystem } from './proof-system.ts';

describeProofSystem('transparent stand-in', async () => ({
  ...createTransparentProofs(),
  circuitId: 'hash-chain-preimage',
  witness: { x: 1234567890n, y: chainEnd(1234567890n) },
  otherWitness: { x: 42n, y: chainEnd(42n) },
  badWitness: { x: 43n, y: chainEnd(42n) },
}));
