import { toHex } from '../../../base/bytes.ts';
import { decodeArray } from '../../../consensus/pos/cbor.ts';
import type { Signer } from '../../../consensus/signer.ts';

/** Writes down everything that a key signs: one thing a height, round and step, or it can be slashed. */
export class Witness {
  readonly #signed = new Map<string, string>();
  /** Places where a key signed two things. */
  readonly contradictions: string[] = [];
  count = 0;

  watch(signer: Signer): Signer {
    return {
      publicKey: signer.publicKey,
      sign: (domain, network, bytes) => {
        const [type, height, round] = decodeArray(bytes) ?? [];
        const place = `${toHex(signer.publicKey)} ${height}/${round}/${type}`;
        const text = toHex(bytes);
        const before = this.#signed.get(place) ?? text;
        if (before !== text) this.contradictions.push(`${place}: ${before} and ${text}`);
        this.#signed.set(place, text);
        this.count++;
        return signer.sign(domain, network, bytes);
      },
    };
  }
}
