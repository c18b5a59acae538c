import { PyralogError } from '../base/errors.ts';
import { consensusError } from './errors.ts';

/** How new what is read must be (rpc.md R14). */
export type Freshness =
  /** Everything that was acknowledged, anywhere, before the question. */
  | { readonly kind: 'linearizable' }
  /** Everything that was acknowledged, anywhere, earlier than so long ago. */
  | { readonly kind: 'bounded'; readonly maxStalenessMs: number };

export interface FreshnessDeps {
  /**
   * Resolves once everything acknowledged before the call can be read here (RF12); rejects with `log/not-leader` when no
   * leader said so in time.
   */
  readonly readIndex: (partition: number) => Promise<unknown>;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Which other member leads a partition, as was heard last, and how callers reach it. */
  readonly leader: (
    partition: number,
  ) => Promise<{ readonly name: string; readonly rpc?: string } | undefined>;
}

interface Question {
  readonly since: number;
  readonly answer: Promise<number>;
}

/**
 * What a member knows of how new its logs are: the beginning of the newest question to a leader that was answered and
 * applied here. It needs nobody's clock but its own, and no promise of a leader.
 */
export class Freshnesses {
  readonly #deps: FreshnessDeps;
  /** Per partition. */
  readonly #marks = new Map<number, number>();
  readonly #asked = new Map<number, Question>();

  constructor(deps: FreshnessDeps) {
    this.#deps = deps;
  }

  /**
   * Waits until the partition is as new as that here; gives how long ago everything was here that had been acknowledged.
   *
   * @throws PyralogError `consensus/too-stale` when no leader can be asked; it names who is said to lead
   */
  async reach(partition: number, wanted: Freshness): Promise<number> {
    const now = this.#deps.now();
    const least = wanted.kind === 'linearizable' ? now : now - wanted.maxStalenessMs;
    const mark = this.#marks.get(partition) ?? Number.NEGATIVE_INFINITY;
    if (mark >= least && wanted.kind === 'bounded') return Math.ceil(now - mark);
    try {
      const reached = await this.#question(partition, least);
      return Math.ceil(this.#deps.now() - reached);
    } catch (error) {
      if (!(error instanceof PyralogError && error.code === 'log/not-leader')) throw error;
      throw await this.#tooStale(partition, error);
    }
  }

  /** One question is asked for all who can do with its answer; of linearizable reads each asks (the core gathers them). */
  #question(partition: number, least: number): Promise<number> {
    const asked = this.#asked.get(partition);
    if (asked !== undefined && asked.since > least) return asked.answer;
    const since = this.#deps.now();
    const answer = this.#deps.readIndex(partition).then(() => {
      this.#marks.set(partition, Math.max(since, this.#marks.get(partition) ?? since));
      return since;
    });
    const question = { since, answer };
    this.#asked.set(partition, question);
    const done = () => {
      if (this.#asked.get(partition) === question) this.#asked.delete(partition);
    };
    answer.then(done, done);
    return answer;
  }

  async #tooStale(partition: number, cause: PyralogError): Promise<PyralogError> {
    const mark = this.#marks.get(partition);
    const ago = mark === undefined ? undefined : Math.ceil(this.#deps.now() - mark);
    const known = ago === undefined ? 'nothing is known of how new it is' : `it is ${ago} ms old`;
    const leader = await this.#deps.leader(partition);
    const ask =
      leader === undefined
        ? 'nobody else is known to lead it'
        : `ask ${leader.name}${leader.rpc === undefined ? '' : ` at ${leader.rpc}`}, which leads it`;
    return consensusError(
      'consensus/too-stale',
      `no leader confirms what this member has of partition ${partition}: ${known}; ${ask}`,
      {
        data: {
          partition,
          ...(ago === undefined ? {} : { stalenessMs: ago }),
          ...(leader === undefined ? {} : { leader: leader.name }),
          ...(leader?.rpc === undefined ? {} : { rpc: leader.rpc }),
        },
        cause,
      },
    );
  }
}
