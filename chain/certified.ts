import type { Ledger } from './ledger.ts';
import { Lru } from './lru.ts';
import type { VerifyCertificate } from './options.ts';
import { textKey } from './text-key.ts';

/** Certificates of a head that were checked: one each proposer may carry, and a few forged ones. */
const KEPT = 64;

/** Whether a certificate certifies the head (X12), remembered: every round's block carries one. */
export class HeadCertificates {
  readonly #ledger: Ledger;
  readonly #verify: VerifyCertificate;
  readonly #known = new Lru<boolean>(KEPT);

  constructor(ledger: Ledger, verify: VerifyCertificate) {
    this.#ledger = ledger;
    this.#verify = verify;
  }

  /** The engine made the head final with this one, so it need not be checked again. */
  learn(id: Uint8Array, certificate: Uint8Array): void {
    this.#known.set(textKey(id) + textKey(certificate), true);
  }

  readonly certify = async (certificate: Uint8Array): Promise<boolean> => {
    const { head, validators } = this.#ledger;
    if (head === undefined) return false;
    const key = textKey(head.id) + textKey(certificate);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const verdict = await this.#verify(head, validators, certificate);
    this.#known.set(key, verdict);
    return verdict;
  };
}
