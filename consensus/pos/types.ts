import type { Logger } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import type { BftEvidence } from '../../native/index.ts';
import type { Network } from '../../net/index.ts';
import type { App, Engine } from '../engine.ts';
import type { Signer } from '../signer.ts';
import type { PosDisk } from './disk.ts';

export interface PosDeps {
  /** Whose links the engine reads: it is their one reader. */
  readonly network: Network;
  readonly clock: Clock;
  /** Holds the engine's log and the slashing protection; of this node alone. */
  readonly disk: PosDisk;
  /** Uniform in [0, 1): salts of files, nothing that others could see. */
  readonly random: () => number;
  /** Signs for the purpose `vote`. Absent: an observer, which follows and never votes. */
  readonly signer?: Signer;
  readonly chain: PosChain;
  readonly log: Logger;
  /** Told once of a broken invariant or an app that failed. The engine has stopped. */
  readonly onBug: (bug: unknown) => void;
}

/** What the parts of the host share. */
export interface HostParts extends PosDeps {
  readonly app: App;
}

/** What genesis says (I7). */
export interface PosChain {
  /** Network id (I3). */
  readonly network: string;
  /** How late and how early a fresh proposal may be by the receiver's clock (P25). */
  readonly maxDelayMs: number;
  readonly precisionMs: number;
}

/** Why a node with a key does not sign. */
export type Mute =
  /** A signature of its key that its protection does not have (P26). */
  | 'protection-behind'
  /** Log or protection could not be written (P34). */
  | 'disk';

export interface PosFigures {
  /** `signing` with a key in the set or not; `observer` without one. */
  readonly mode: 'signing' | 'observer' | Mute;
  /** Greatest head that a peer told. */
  readonly peerHeight: number;
  /** Whether it fetches blocks that prove to be final; what peers merely claim does not count. */
  readonly catchingUp: boolean;
  /** Newest head that each connected peer told. */
  readonly peerHeads: ReadonlyMap<string, number>;
  /** Blocks that came by sync. */
  readonly syncedBlocks: number;
  /** Pairs of contradicting messages seen (P35). */
  readonly misbehaviour: number;
  /** Votes and proposals passed on (P30). */
  readonly relayed: number;
  /** Frames not sent because a peer was too slow (P31). */
  readonly droppedFrames: number;
}

/** The proof-of-stake engine: docs/spec/pos.md. */
export interface PosEngine extends Engine {
  /** Validators caught signing two things: the newest 256 (P35). */
  misbehaviour(): readonly BftEvidence[];
  posFigures(): PosFigures;
}
