import type { Clock } from '../../base/time.ts';
import { parseCheckpointBody, parseNote } from '../../receipt/index.ts';
import type { LogStore } from '../../storage/index.ts';
import { consensusError } from '../errors.ts';
import { History } from '../history.ts';
import type { SignedCheckpoint } from '../replicator.ts';
import type { AnchorBlock, AnchorChain } from './chain.ts';
import { AnchorHost } from './host.ts';
import type { AnchorCheckpoint, Limits } from './types.ts';

/** An anchor that is final on the chain. */
export interface Anchored extends AnchorBlock {
  readonly checkpoint: AnchorCheckpoint;
}

/** Puts the newest checkpoint of each log on the chain and remembers which became final. */
export interface Anchor {
  /** Takes a checkpoint; most are passed over for newer ones (A1). Throws `consensus/checkpoint-malformed`. */
  offer(checkpoint: SignedCheckpoint): void;
  /** The first final anchor that covers `size` records of the log. */
  finality(origin: string, size: number): Anchored | undefined;
  /** Final anchors of the log from now on; ends with `signal` or {@link stop}. */
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
  const logs = new Map<string, { host: AnchorHost; final: History<Anchored> }>();
  for (const [partition, { origin }] of logStore.partitions.entries()) {
    const final = new History<Anchored>();
    const last = await chain.last(origin);
    const host = new AnchorHost(
      {
        clock,
        chain,
        consistency: ({ size: to }, alg, from) =>
          logStore.consistency(partition, { from, to }, alg),
        onFinal: (checkpoint, block) => final.append({ checkpoint, ...block }),
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
    finality: (origin, size) =>
      log(origin).final.items.find(({ checkpoint }) => checkpoint.size >= size),
    subscribe(origin, signal) {
      const { final } = log(origin);
      return final.read(final.items.length, signal);
    },
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
