import { equalBytes, toHex } from '../../base/bytes.ts';
import type { Logger } from '../../base/log.ts';
import { type BftSign, packSignatures, verifySignaturesSync } from '../../native/index.ts';
import { signedBytes } from '../../receipt/index.ts';
import type { Signer } from '../signer.ts';
import { decodeArray, isCount } from './cbor.ts';
import { Protection, type ProtectionDeps, SIGN_STEPS, type SignRecord } from './protection.ts';
import type { Mute } from './types.ts';
import { readSigned } from './wire.ts';

export interface SigningDeps extends ProtectionDeps {
  readonly log: Logger;
  readonly signer: Signer;
}

/** Certificate of a final block, verified. */
export interface CertifiedBlock {
  readonly height: number;
  readonly id: Uint8Array;
  readonly certificate: Uint8Array;
}

/**
 * The key of this node and when it may be used: nothing is signed that the slashing protection has not taken first, and
 * nothing at all once there is reason to believe that it does not know everything (P24, P26, P34).
 */
export class Signing {
  readonly #deps: SigningDeps;
  readonly #network: string;
  readonly #protection: Protection;
  #mute: Mute | undefined;
  #silentUpTo = 0;

  private constructor(deps: SigningDeps, network: string, protection: Protection) {
    this.#deps = deps;
    this.#network = network;
    this.#protection = protection;
    if (protection.behind) this.#mute = 'protection-behind';
  }

  /** Rejects as {@link Protection.open}. */
  static async open(deps: SigningDeps, network: string): Promise<Signing> {
    const owner = { network, key: deps.signer.publicKey };
    const signing = new Signing(deps, network, await Protection.open(deps, owner));
    if (signing.#mute !== undefined) signing.#say();
    return signing;
  }

  get key(): Uint8Array {
    return this.#deps.signer.publicKey;
  }

  /** Why nothing is signed; undefined while everything is well. */
  get mute(): Mute | undefined {
    return this.#mute;
  }

  /**
   * The engine's log has nothing of a height that this key signed in: it was lost, and with it what the node is locked
   * on there. To vote again in that height could break a promise that nobody here remembers (P23).
   */
  forgets(isLogged: (height: number) => boolean, head: number): void {
    const { newestHeight } = this.#protection;
    if (newestHeight <= head || isLogged(newestHeight)) return;
    this.#silentUpTo = newestHeight;
    this.#deps.log.error(
      { height: newestHeight },
      'log of the engine is gone: no votes up to this height; the others decide it',
    );
  }

  /** Signs nothing more until the node is started again. */
  silence(mute: Mute): void {
    if (this.#mute !== undefined) return;
    this.#mute = mute;
    this.#say();
  }

  /** undefined: refused, and the log says why. */
  async sign(request: BftSign): Promise<Uint8Array | undefined> {
    if (this.#mute !== undefined || request.height <= this.#silentUpTo) return undefined;
    if (!(await this.#admit(request))) return undefined;
    if (this.mute !== undefined) return undefined; // while the record was written
    try {
      return await this.#deps.signer.sign('vote', this.#network, request.bytes);
    } catch (err) {
      this.#deps.log.error({ err, what: request.what }, 'signer failed');
      return undefined;
    }
  }

  /** A message that names our key as its signer, from a peer. False: the signature is not ours. */
  async seen(message: Uint8Array): Promise<boolean> {
    const found = readSigned(message);
    if (found === undefined) return false;
    if (this.#protection.holds(found.record) !== false) return true;
    const signed = signedBytes('vote', this.#network, found.signed);
    const item = { publicKey: this.key, signature: found.signature, message: signed };
    if (verifySignaturesSync(packSignatures([item]))[0] !== 1) return false;
    await this.#behind(found.record);
    return true;
  }

  /** Looks for our signature in the certificate of a block that came by sync; `index` is ours in the set. */
  async certified({ height, id, certificate }: CertifiedBlock, index: number): Promise<void> {
    const [round, signers] = decodeArray(certificate) ?? [];
    if (!isCount(round) || !(signers instanceof Uint8Array)) return;
    if (((signers[index >> 3] ?? 0) & (1 << (index & 7))) === 0) return;
    const step = SIGN_STEPS.precommit;
    const record: SignRecord = { purpose: 'vote', height, round, step, id, polRound: undefined };
    if (this.#protection.holds(record) === false) await this.#behind(record);
  }

  close(): Promise<void> {
    return this.#protection.close();
  }

  async #admit(request: BftSign): Promise<boolean> {
    const { what, height, round, id } = request;
    const step = SIGN_STEPS[what];
    const polRound = request.polRound;
    try {
      const record = { purpose: 'vote', height, round, step, id, polRound };
      const admission = await this.#protection.admit(record);
      if (admission === 'recorded' || admission === 'again') return true;
      this.#deps.log.warn(
        { height, round, what, admission },
        'signature refused by slashing protection',
      );
    } catch (err) {
      this.#deps.log.error({ err }, 'slashing protection not written');
      this.silence('disk');
    }
    return false;
  }

  async #behind({ height, round, step }: SignRecord): Promise<void> {
    if (this.#mute === 'protection-behind') return;
    this.#deps.log.error({ height, round, step }, 'own signature seen that was not made here');
    this.#mute = 'protection-behind';
    this.#say();
    try {
      await this.#protection.markBehind();
    } catch (err) {
      this.#deps.log.error({ err }, 'slashing protection not written');
    }
  }

  #say(): void {
    const advice = {
      'protection-behind':
        'consensus/protection-behind: the key is in use elsewhere, or its slashing protection is an old copy',
      disk: 'log or slashing protection could not be written; free or replace the disk and start again',
    };
    const reason = this.#mute === undefined ? '' : advice[this.#mute];
    this.#deps.log.error({ key: toHex(this.key), reason }, 'node has stopped voting');
  }
}

/** Our place in the set; −1 when we have none. */
export function indexOfKey(
  validators: readonly { readonly key: Uint8Array }[],
  key: Uint8Array,
): number {
  return validators.findIndex((validator) => equalBytes(validator.key, key));
}
