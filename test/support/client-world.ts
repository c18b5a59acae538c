/** A cluster that a client talks to, without processes or time: nodes fail, lie and are slow as a test says. */

import type { ClusterClientOptions } from '../../client/index.ts';
import { type ClusterNode, createClusterClient, RpcError } from '../../client/index.ts';
import { createNotary, type NotaryService } from '../../notary/index.ts';
import type { Receipt } from '../../receipt/index.ts';
import { memoryParts, partitionsOf, SCOPE } from './memory-notary.ts';
import { realClock } from './real-clock.ts';

/** What a node does with the next calls. */
export type Behaviour =
  | 'good'
  /** No connection. */
  | 'dead'
  /** Takes it and never says so. */
  | 'silent'
  /** Takes it and cannot say so. */
  | 'unsure'
  /** Takes nothing and answers with receipts of its own making. */
  | 'liar'
  /** Answers what nobody can read. */
  | 'garbage'
  /** Takes nothing and says so. */
  | 'busy'
  | 'read-only';

export class World {
  now = 0;
  readonly nodes = new Map<string, FakeNode>();
  readonly notary: NotaryService;
  readonly trust: ReturnType<typeof memoryParts>['trust'];
  readonly store: ReturnType<typeof memoryParts>['store'];
  /** A log of the same name under a key that nobody pinned. */
  readonly forger: NotaryService;
  map: unknown;
  /** Nodes that work on an answer: time stands still meanwhile. */
  working = 0;
  readonly #waiting: { readonly at: number; readonly wake: () => void }[] = [];

  constructor() {
    const parts = memoryParts(partitionsOf(1), realClock);
    this.trust = parts.trust;
    this.store = parts.store;
    this.notary = notaryOf(parts);
    this.forger = notaryOf(memoryParts(partitionsOf(1), realClock, { seed: 8 }));
    for (const number of [0, 1, 2]) this.nodes.set(urlOf(number), new FakeNode(this, number));
    this.lead(0, 1);
  }

  node(number: number): FakeNode {
    const node = this.nodes.get(urlOf(number));
    if (node === undefined) throw new Error(`there is no node ${number}`);
    return node;
  }

  lead(number: number, epoch: number): void {
    this.map = {
      cluster: 'local',
      partitions: [
        { partition: 0, origin: `${SCOPE}/notary/0`, epoch: `${epoch}`, leader: `node-${number}` },
      ],
      members: [0, 1, 2].map((one) => ({ node: `node-${one}`, rpc: urlOf(one) })),
    };
  }

  /** Knows node 0 only, to begin with. */
  client(options: Partial<ClusterClientOptions> = {}) {
    return createClusterClient({
      nodes: [urlOf(0)],
      trust: this.trust,
      ...options,
      parts: {
        connect: (url) => this.nodes.get(url) ?? new FakeNode(this, 9),
        now: () => this.now,
        random: () => 1,
        pause: (ms, signal) => this.#pause(ms, signal),
        ...options.parts,
      },
    });
  }

  /** Lets time go on whenever nothing else can, until it is settled. */
  async run<T>(work: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    work.then(settled, settled);
    for (let idle = 0; !isSettled; ) {
      await new Promise((next) => setImmediate(next));
      idle = this.working > 0 ? 0 : idle + 1;
      if (idle < 5 || isSettled) continue;
      idle = 0;
      this.#advance();
    }
    return work;
  }

  size(): number {
    return this.store.durableSize(0);
  }

  #advance(): void {
    this.#waiting.sort((a, b) => a.at - b.at);
    const next = this.#waiting.shift();
    if (next === undefined) throw new Error('nothing will ever happen');
    this.now = Math.max(this.now, next.at);
    next.wake();
  }

  #pause(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = { at: this.now + ms, wake: resolve };
      this.#waiting.push(waiter);
      const onAbort = () => {
        const i = this.#waiting.indexOf(waiter);
        if (i >= 0) this.#waiting.splice(i, 1);
        reject(signal?.reason);
      };
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

export class FakeNode implements ClusterNode {
  behaviour: Behaviour | (() => Behaviour) = 'good';
  /** Methods it was asked, and times of submissions. */
  readonly asked: string[] = [];
  readonly times: number[] = [];
  /** Idempotency keys that came, in order. */
  readonly keys: (string | undefined)[] = [];
  /** Most submissions on their way at once. */
  most = 0;
  #now = 0;
  readonly #world: World;

  constructor(world: World, number: number) {
    this.#world = world;
    if (number === 9) this.behaviour = 'dead';
  }

  submit: ClusterNode['submit'] = (submission, { waitFor = 'durable' } = {}) => {
    this.asked.push('submit');
    this.times.push(this.#world.now);
    this.keys.push(submission.idempotencyKey);
    this.most = Math.max(this.most, ++this.#now);
    const answer = this.#answer(async (notary) => {
      const [outcome] = await notary.submit([{ submitter: 'me', ...submission }], { waitFor });
      if (outcome?.ok !== true) throw failure('notary/idempotency-conflict', false, -32020);
      return outcome.submitted;
    });
    return answer.finally(() => this.#now--);
  };

  receipt: ClusterNode['receipt'] = (id) => {
    this.asked.push('receipt');
    return this.#answer(async (notary): Promise<Receipt> => {
      const receipt = await notary.receipt(id, { waitFor: 'checkpoint' });
      if (receipt === undefined) throw failure('notary/not-found', false, -32022);
      return receipt;
    });
  };

  call: ClusterNode['call'] = (method) => {
    this.asked.push(method);
    // It knows no other methods than this one.
    return this.#answer(() => Promise.resolve(this.#world.map as never));
  };

  close = () => Promise.resolve();

  async #answer<T>(work: (notary: NotaryService) => Promise<T>): Promise<T> {
    const { behaviour } = this;
    switch (typeof behaviour === 'function' ? behaviour() : behaviour) {
      case 'dead':
        throw failure('client/unreachable', true, 0);
      case 'silent':
        await this.#working(work(this.#world.notary));
        return new Promise(() => {});
      case 'unsure':
        await this.#working(work(this.#world.notary));
        throw failure('notary/outcome-unknown', true, -32021);
      case 'liar':
        return this.#working(work(this.#world.forger));
      case 'garbage':
        return [] as T;
      case 'busy':
        throw failure('log/overloaded', true, -32040, 700);
      case 'read-only':
        throw failure('storage/read-only', false, -32051);
      case 'good':
        return this.#working(work(this.#world.notary));
    }
  }

  async #working<T>(work: Promise<T>): Promise<T> {
    this.#world.working++;
    try {
      return await work;
    } finally {
      this.#world.working--;
    }
  }
}

export function failure(
  reason: string,
  retryable: boolean,
  code: number,
  retryAfterMs?: number,
): RpcError {
  const after = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new RpcError({ code, message: reason, data: { reason, retryable, ...after } });
}

export function urlOf(number: number): string {
  return `http://127.0.0.1:${9_000 + number}/`;
}

function notaryOf(parts: ReturnType<typeof memoryParts>): NotaryService {
  const { replicator, store } = parts;
  return createNotary({ replicator, checkpoints: replicator, logStore: store, clock: realClock });
}
