import { ed25519 } from '@noble/curves/ed25519.js';
import { inTurn } from '../base/in-turn.ts';
import type { Clock } from '../base/time.ts';
import {
  type Checkpoint,
  cosign,
  formatCheckpointBody,
  type NoteSignature,
  type VerificationKey,
  verificationKey,
} from '../receipt/index.ts';
import type { LogStore } from '../storage/index.ts';
import { consensusError } from './errors.ts';

/** A replica's signature under checkpoints. What it promises: checkpoint.md C3, C6, C7. */
export interface Cosigner {
  /** Others pin this. */
  readonly key: VerificationKey;
  /**
   * Signs what the replica's own log shows. Rejects with `consensus/foreign-checkpoint` when it shows something else, or
   * `consensus/log-rewound` when it no longer shows what was signed before.
   */
  cosign(checkpoint: Checkpoint): Promise<NoteSignature>;
}

/** The last (size, root) a replica signed for a log. */
export interface SignedState {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Where {@link SignedState} is kept. `save` resolves when it is durable: the signature leaves after that (C6). */
export interface SignedStates {
  load(origin: string): Promise<SignedState | undefined>;
  save(origin: string, state: SignedState): Promise<void>;
}

export interface CosignerDeps {
  readonly logStore: LogStore;
  readonly states: SignedStates;
  readonly clock: Clock;
}

/** `name` is the replica's key name (identity.md I4), `seed` its 32-byte cosigning seed. */
export function createCosigner(
  deps: CosignerDeps,
  options: { readonly name: string; readonly seed: Uint8Array },
): Cosigner {
  const { logStore, states, clock } = deps;
  const seed = Uint8Array.from(options.seed);
  const key = verificationKey(options.name, 'cosignature', ed25519.getPublicKey(seed));
  // One at a time: two interleaved calls could save the older state last.
  const turn = inTurn();

  async function checkAndSign(checkpoint: Checkpoint): Promise<NoteSignature> {
    const { origin, size, root } = checkpoint;
    const partition = logStore.partitions.findIndex((p) => p.origin === origin);
    if (partition < 0) {
      throw consensusError('consensus/foreign-checkpoint', `this replica has no log ${origin}`, {
        data: { origin },
      });
    }
    const last = await states.load(origin);
    if (last !== undefined && !shows(logStore, partition, last)) {
      throw consensusError(
        'consensus/log-rewound',
        `${origin} does not extend the ${last.size} records this replica signed; it must go on under a new origin`,
        { data: { origin, signedSize: last.size } },
      );
    }
    if (
      !shows(logStore, partition, { size, root }) ||
      !sha256Agrees(logStore, partition, checkpoint)
    ) {
      throw consensusError(
        'consensus/foreign-checkpoint',
        `this replica's ${origin} does not have that root at size ${size}`,
        { data: { origin, size } },
      );
    }
    if (last === undefined || size > last.size) await states.save(origin, { size, root });
    const seconds = Math.floor(clock.wall() / 1000);
    return cosign(formatCheckpointBody(checkpoint), key, seconds, (m) => ed25519.sign(m, seed));
  }

  return {
    key,
    cosign: (checkpoint) => turn(() => checkAndSign(checkpoint)),
  };
}

/** Signed states that are forgotten with the process: for tests, where the log is forgotten too. */
export function createMemorySignedStates(): SignedStates {
  const states = new Map<string, SignedState>();
  return {
    load: async (origin) => states.get(origin),
    async save(origin, state) {
      states.set(origin, { size: state.size, root: Uint8Array.from(state.root) });
    },
  };
}

function shows(logStore: LogStore, partition: number, { size, root }: SignedState): boolean {
  if (size > logStore.durableSize(partition)) return false;
  return Buffer.from(root).equals(logStore.root(partition, size, 'blake3'));
}

function sha256Agrees(logStore: LogStore, partition: number, checkpoint: Checkpoint): boolean {
  const keeps = logStore.partitions[partition]?.sha256 === true;
  const { size, sha256Root } = checkpoint;
  if (sha256Root === undefined || !keeps) return sha256Root === undefined && !keeps;
  return Buffer.from(sha256Root).equals(logStore.root(partition, size, 'sha256'));
}
