import type { Clock } from '../../base/time.ts';
import { parseCheckpointBody, parseNote } from '../../receipt/index.ts';
import type { LogStore } from '../../storage/index.ts';
import { consensusError } from '../errors.ts';
import { Newest } from '../newest.ts';
import type { SignedCheckpoint } from '../replicator.ts';
import type { AnchorChain, Anchored } from './chain.ts';
import { AnchorHost } from './host.ts';
import type { AnchorCheckpoint, Limits } from './types.ts';

/** Puts the newest checkpoint of each log on the chain. The chain remembers which became final; nothing here does. */
export interface Anchor {
  /** Takes a checkpoint; most are passed over for newer ones (A1). Throws `consensus/checkpoint-malformed`. */
  offer(checkpoint: SignedCheckpoint): void;
  /** The first final anchor that covers `size` records of the log, also one of an earlier run (A5). */
  finality(origin: string, size: number): Promise<Anchored | undefined>;
  /** Anchors of this run as they become final; a slow reader misses some. Ends with `signal` or {@link stop}. */
  subscribe(origin: string, signal: AbortSignal): AsyncIterable<Anchored>;
  /** Sends nothing more. Idempotent. */
  stop(): void;
}

export interface AnchorDeps {
  readonly clock: Clock;
  readonly chain: AnchorChain;
  /** Proves that a checkpoint extends the anchored one. */
  readonly logStore: LogStore;
  /** Called once on a broken invariant. The node must stop. */
  readonly onBug: (bug: unknown) => void;
}

/** Asks the chain what it holds of each log, then runs one machine a log. */
export async function openAnchor(deps: AnchorDeps, limits: Limits): Promise<Anchor> {
  const { logStore, chain, clock, onBug } = deps;
  const logs = new Map<string, { host: AnchorHost; final: Newest<Anchored> }>();
  for (const [partition, { origin }] of logStore.partitions.entries()) {
    const final = new Newest<Anchored>();
    const last = await chain.last(origin);
    const host = new AnchorHost(
      {
        clock,
        chain,
        consistency: ({ size: to }, alg, from) =>
          logStore.consistency(partition, { from, to }, alg),
        onFinal: (checkpoint, block) => final.set({ checkpoint, ...block }),
        onBug,
      },
      limits,
      last?.size ?? 0,
    );
    logs.set(origin, { host, final });
  }
  const log = (origin: string) => {
    const found = logs.get(origin);
    if (found === undefined) {
      throw consensusError('consensus/checkpoint-malformed', `no log ${origin} here`, {
        data: { origin },
      });
    }
    return found;
  };
  return {
    offer(signed) {
      const checkpoint = readCheckpoint(signed.note);
      log(checkpoint.origin).host.offer(checkpoint);
    },
    finality: async (origin, size) => {
      log(origin);
      return await chain.covering(origin, size);
    },
    subscribe: (origin, signal) => log(origin).final.read('next', signal),
    stop() {
      for (const { host, final } of logs.values()) {
        host.stop();
        final.end();
      }
    },
  };
}

/** What a chain needs of a signed note. The signatures are the chain's to check, against the log's registered keys. */
export function readCheckpoint(note: string): AnchorCheckpoint {
  const parsed = parseNote(note);
  const body = parsed.ok ? parseCheckpointBody(parsed.value.body) : parsed;
  if (!body.ok) {
    throw consensusError('consensus/checkpoint-malformed', `not a checkpoint: ${body.message}`);
  }
  const { origin, size, root, sha256Root } = body.value;
  return {
    origin,
    size,
    roots: [
      { alg: 'blake3', root },
      ...(sha256Root === undefined ? [] : [{ alg: 'sha256' as const, root: sha256Root }]),
    ],
    note,
  };
}
