/**
 * The native BFT core behind its TypeScript face: see `bft-types.ts` for what goes in and comes out.
 *
 * @example
 * const core = openBft({ network, validators, height: 1, self: signer.publicKey });
 * let step = core.replay({ height: 1, validators }, await wal.entries(1));
 * for (;;) {
 *   await perform(step.effects);
 *   if (step.sign === undefined) break;
 *   await protection.record(step.sign);
 *   step = core.resume(await signer.sign('vote', network, step.sign.bytes));
 * }
 */
import { unreachable } from '../base/errors.ts';
import {
  effectOf,
  messageInfoOf,
  type NativeStep,
  nativeValidators,
  signOf,
} from './bft-convert.ts';
import type {
  BftCommit,
  BftCommitVerdict,
  BftCore,
  BftHeight,
  BftInput,
  BftMessageInfo,
  BftOptions,
  BftStep,
  BftValidator,
} from './bft-types.ts';
import { ask, binding } from './binding.ts';

/** Makes a core. Throws `bft/validators`, `bft/argument`. */
export function openBft(options: BftOptions): BftCore {
  const { network, height, self } = options;
  const validators = nativeValidators(options.validators);
  return new NativeBft(ask(() => binding.bftOpen(network, validators, height, self)));
}

/** Reads a wire message without verifying anything; undefined when it is none (P5). For routing and relaying. */
export function bftMessageInfo(bytes: Uint8Array): BftMessageInfo | undefined {
  const info = ask(() => binding.bftMessageInfo(bytes));
  return info === null ? undefined : messageInfoOf(info);
}

/** The validators in the order of the set (P1): by power, greatest first, then by key. Throws `bft/validators`. */
export function bftOrder(validators: readonly BftValidator[]): BftValidator[] {
  const order = ask(() => binding.bftOrder(nativeValidators(validators)));
  return order.map((index) => validators[index]).filter((found) => found !== undefined);
}

/** The key of the validator whose turn it is (P3). Throws `bft/validators`, `bft/argument`. */
export function bftProposer(
  validators: readonly BftValidator[],
  height: number,
  round: number,
): Uint8Array {
  return ask(() => binding.bftProposer(nativeValidators(validators), height, round));
}

/**
 * The commit certificate of these precommits (P6). Nothing is verified; throws `bft/argument` when a signer is not in
 * the set or comes twice.
 */
export function encodeCommit(
  validators: readonly BftValidator[],
  round: number,
  precommits: readonly { readonly validator: Uint8Array; readonly signature: Uint8Array }[],
): Uint8Array {
  const list = precommits.map(({ validator, signature }) => ({ validator, signature }));
  return ask(() => binding.bftEncodeCommit(nativeValidators(validators), round, list));
}

/** Whether the certificate proves that more than two thirds of the power committed to the block (P6). */
export function verifyCommit(commit: BftCommit): BftCommitVerdict {
  const { network, height, id, certificate } = commit;
  const validators = nativeValidators(commit.validators);
  const verdict = ask(() =>
    binding.bftVerifyCommit({ network, validators, height, id, certificate }),
  );
  return verdict.reason === undefined
    ? { ok: true, round: verdict.round, power: verdict.power }
    : { ok: false, reason: verdict.reason as 'malformed' };
}

class NativeBft implements BftCore {
  readonly #handle: number;

  constructor(handle: number) {
    this.#handle = handle;
  }

  step(input: BftInput): BftStep {
    return stepOf(ask(() => this.#send(input)));
  }

  resume(signature: Uint8Array | undefined): BftStep {
    return stepOf(ask(() => binding.bftResume(this.#handle, signature)));
  }

  replay(start: BftHeight, entries: readonly Uint8Array[]): BftStep {
    const validators = nativeValidators(start.validators);
    return stepOf(
      ask(() => binding.bftReplay(this.#handle, start.height, validators, [...entries])),
    );
  }

  get height(): number {
    return ask(() => binding.bftPosition(this.#handle)).height;
  }

  get round(): number {
    return ask(() => binding.bftPosition(this.#handle)).round;
  }

  get suspended(): boolean {
    return ask(() => binding.bftPosition(this.#handle)).suspended;
  }

  close(): void {
    binding.bftClose(this.#handle);
  }

  #send(input: BftInput): NativeStep {
    const handle = this.#handle;
    switch (input.kind) {
      case 'message':
        return binding.bftMessage(handle, input.bytes);
      case 'start-height': {
        const validators = nativeValidators(input.validators);
        return binding.bftStartHeight(handle, input.height, validators, input.restart ?? false);
      }
      case 'propose':
        return binding.bftPropose(handle, input.height, input.round, input.id);
      case 'value': {
        const { kind: _, ...value } = input;
        return binding.bftValue(handle, value);
      }
      case 'timeout':
        return binding.bftTimeout(handle, { ...input.timeout });
      default:
        return unreachable(input);
    }
  }
}

function stepOf(step: NativeStep): BftStep {
  const effects = step.effects.map(effectOf);
  return step.sign === undefined ? { effects } : { effects, sign: signOf(step.sign) };
}
