/** The add-on's flat objects as the unions of `bft-types.ts`, and back. */
import { assert } from '../base/errors.ts';
import type {
  BftEffect,
  BftEvidence,
  BftMessageInfo,
  BftRefusal,
  BftSign,
  BftTimeout,
  BftValidator,
} from './bft-types.ts';
import type {
  NativeBftEffect,
  NativeBftEvidence,
  NativeBftInfo,
  NativeBftSign,
  NativeBftStep,
  NativeBftValidator,
} from './pyralog.d.ts';

export type NativeStep = NativeBftStep;

/** Own objects of exactly the fields that the add-on reads. */
export function nativeValidators(validators: readonly BftValidator[]): NativeBftValidator[] {
  return validators.map(({ key, power }) => ({ key, power }));
}

/** The fields that an effect of its kind always has. */
type Whole = Required<NativeBftEffect>;

export function effectOf(native: NativeBftEffect): BftEffect {
  const from = native as Whole;
  const { height, round, id } = from;
  switch (native.kind) {
    case 'schedule-timeout':
    case 'cancel-timeout': {
      const timeout = { step: from.word as BftTimeout['step'], height, round };
      return { kind: native.kind, timeout };
    }
    case 'cancel-all-timeouts':
      return { kind: native.kind };
    case 'start-round': {
      const role = from.word as 'proposer' | 'validator' | 'observer';
      return { kind: native.kind, height, round, proposer: from.proposer, role };
    }
    case 'get-value':
      return { kind: native.kind, height, round };
    case 'publish': {
      const message = from.word as 'vote' | 'proposal' | 'polka' | 'round';
      return { kind: native.kind, bytes: from.bytes, message, liveness: from.liveness };
    }
    case 'restream': {
      const { validRound, proposer } = from;
      return { kind: native.kind, height, round, validRound, proposer, id };
    }
    case 'wal':
      return { kind: native.kind, height, entry: from.bytes };
    case 'decide':
      return { kind: native.kind, height, round, id, certificate: from.bytes };
    case 'finalize': {
      const evidence = from.evidence.map(evidenceOf);
      return { kind: native.kind, height, round, id, certificate: from.bytes, evidence };
    }
    default:
      return otherEffectOf(native);
  }
}

function otherEffectOf(native: NativeBftEffect): BftEffect {
  const word = native.word ?? '';
  if (native.kind === 'trouble') return { kind: 'trouble', message: word };
  assert(
    native.kind === 'refused',
    `the binding knows an effect that is not declared: ${native.kind}`,
  );
  const reason = word as BftRefusal;
  if (native.bytes === undefined) return { kind: 'refused', reason };
  return { kind: 'refused', reason, bytes: native.bytes };
}

function evidenceOf({ validator, kind, first, second }: NativeBftEvidence): BftEvidence {
  return { validator, kind: kind as BftEvidence['kind'], first, second };
}

export function signOf({ what, height, round, id, polRound, bytes }: NativeBftSign): BftSign {
  return {
    what: what as BftSign['what'],
    height,
    round,
    id,
    ...(polRound === undefined ? {} : { polRound }),
    bytes,
  };
}

export function messageInfoOf({
  kind,
  height,
  round,
  id,
  validator,
}: NativeBftInfo): BftMessageInfo {
  return {
    kind: kind as BftMessageInfo['kind'],
    height,
    round,
    ...(id === undefined ? {} : { id }),
    ...(validator === undefined ? {} : { validator }),
  };
}
