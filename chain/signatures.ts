import {
  packSignatures,
  type SignatureItem,
  verifySignatures,
  verifySignaturesSync,
} from '../native/index.ts';
import { Lru } from './lru.ts';
import type { VerifyAll } from './mempool/signatures.ts';
import { textKey } from './text-key.ts';

/** Verdicts kept: those of the notes of a few blocks, 400 bytes each. */
const KEPT = 4_096;

/**
 * Signature checks of execution: answered from what was checked in bulk on the pool, so that the event loop is not held up;
 * what was not foreseen is checked on the spot. The answer is the same either way (X13).
 */
export class Signatures {
  /** Of many at once; remembers nothing. */
  readonly verify: VerifyAll;
  readonly #known = new Lru<boolean>(KEPT);

  constructor(verify: VerifyAll = (items) => verifySignatures(packSignatures(items))) {
    this.verify = verify;
  }

  /** Checks all in one native call on the pool; what it knows already is not checked again. */
  async verifyAll(items: readonly SignatureItem[]): Promise<readonly boolean[]> {
    const keys = items.map(keyOf);
    const open = items.filter((_, i) => this.#known.get(keys[i] ?? '') === undefined);
    const verdicts = open.length === 0 ? [] : await this.verify(open);
    let next = 0;
    return items.map((_, i) => {
      const key = keys[i] ?? '';
      const valid = this.#known.get(key) ?? verdicts[next++] === 1;
      this.#known.set(key, valid);
      return valid;
    });
  }

  readonly isValid = (item: SignatureItem): boolean => {
    const key = keyOf(item);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const valid = verifySignaturesSync(packSignatures([item]))[0] === 1;
    this.#known.set(key, valid);
    return valid;
  };
}

/** Everything the verdict depends on. */
function keyOf({ publicKey, signature, message }: SignatureItem): string {
  return textKey(publicKey) + textKey(signature) + textKey(message);
}
