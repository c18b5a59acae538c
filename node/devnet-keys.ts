import { concat, toUtf8 } from '../base/bytes.ts';
import { nodeError } from './errors.ts';
import { createKey, type Key, type KeyPurpose } from './key-file.ts';

const CONTEXT = 'pyralog v1 devnet key';
/** Everybody knows it: a devnet's keys protect nothing, they only spare a devnet its key ceremony. */
export const DEVNET_SEED = toUtf8('pyralog devnet seed, known to all');

/**
 * The key every devnet gives its node of this number (I5, K6).
 *
 * @throws NodeError `node/devnet-key` for a network not named devnet…
 */
export async function devnetKey(
  network: string,
  { purpose, name, number }: { purpose: KeyPurpose; name: string; number: number },
): Promise<Key> {
  refuseOutsideDevnet(network);
  return createKey(purpose, name, await devnetSeed(purpose, number));
}

/**
 * Refuses a key that any devnet would derive, on any network that is not one (I5): its private half is public.
 *
 * @throws NodeError `node/devnet-key`
 */
export async function refuseDevnetKey(network: string, key: Key): Promise<void> {
  if (network.startsWith('devnet')) return;
  for (let number = 0; number < DEVNET_NODES_MAX; number++) {
    const seed = await devnetSeed(key.purpose, number);
    if (Buffer.from(key.seed).equals(seed)) refuseOutsideDevnet(network);
  }
}

/** More than any devnet starts; 64 derivations take under a millisecond. */
const DEVNET_NODES_MAX = 64;

async function devnetSeed(purpose: KeyPurpose, number: number): Promise<Uint8Array> {
  const { blake3 } = await import('@noble/hashes/blake3.js');
  const index = new Uint8Array(4);
  new DataView(index.buffer).setUint32(0, number, true);
  const material = concat(DEVNET_SEED, toUtf8(`${purpose}\0`), index);
  return blake3(material, { context: toUtf8(CONTEXT) });
}

function refuseOutsideDevnet(network: string): void {
  if (network.startsWith('devnet')) return;
  throw nodeError(
    'node/devnet-key',
    `a devnet's derived key on network ${network}: its private half is public; make one with \`pyralog keys new\``,
  );
}
