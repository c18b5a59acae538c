// SPDX-License-Identifier: Apache-2.0
/** The nodes that a client of a cluster knows, and which of them it asks next (CK1, CK3). */
import type { ClusterMap } from './cluster-map.ts';
import type { ClusterNode, ClusterParts } from './cluster-types.ts';

/** A node that gave an answer which pinned keys contradict is not asked again for so long. */
const DISTRUST_MS = 60_000;
/** More are not learned: a map is a node's word. */
const NODES_MAX = 64;

export interface KnownNode {
  readonly url: string;
  readonly client: ClusterNode;
  /** Failures on end. */
  failures: number;
  /** It is not asked before, if another one can be. */
  restUntil: number;
  /** It is not asked before at all. */
  distrustUntil: number;
  /** When it was asked last, in turns. */
  turn: number;
}

export interface NodesOptions {
  readonly restMsFirst: number;
  readonly restMsMax: number;
}

export class ClusterNodes {
  readonly #parts: ClusterParts;
  readonly #options: NodesOptions;
  /** By address. */
  readonly #nodes = new Map<string, KnownNode>();
  /** Of each partition: epoch, and address of its leader. */
  #leaders: readonly { readonly epoch: bigint; readonly url: string | undefined }[] = [];
  #mapAt = Number.NEGATIVE_INFINITY;
  #turns = 0;

  constructor(urls: readonly string[], parts: ClusterParts, options: NodesOptions) {
    this.#parts = parts;
    this.#options = options;
    for (const url of urls) this.#meet(url);
  }

  get partitions(): number {
    return Math.max(1, this.#leaders.length);
  }

  /** How old what is known of leaders is, milliseconds. */
  get mapAge(): number {
    return this.#parts.now() - this.#mapAt;
  }

  all(): readonly KnownNode[] {
    return [...this.#nodes.values()];
  }

  /**
   * Who is asked next: the partition's leader, then who was asked least lately; those that rest come last. Undefined when
   * nobody is trusted.
   */
  next(partition: number | undefined): KnownNode | undefined {
    const now = this.#parts.now();
    const leader = partition === undefined ? undefined : this.#leaders[partition]?.url;
    const rank = (node: KnownNode) =>
      (node.restUntil > now ? 2 : 0) + (leader !== undefined && node.url !== leader ? 1 : 0);
    const [first] = this.all()
      .filter(({ distrustUntil }) => distrustUntil <= now)
      .sort(
        (a, b) =>
          rank(a) - rank(b) || (rank(a) >= 2 ? a.restUntil - b.restUntil : 0) || a.turn - b.turn,
      );
    if (first !== undefined) first.turn = ++this.#turns;
    return first;
  }

  worked(node: KnownNode): void {
    node.failures = 0;
    node.restUntil = Number.NEGATIVE_INFINITY;
  }

  /** It rests: at least as long as it asked for, longer with each failure on end, never as long as others do. */
  failed(node: KnownNode, retryAfterMs = 0): void {
    node.failures++;
    const { restMsFirst, restMsMax } = this.#options;
    const full = Math.min(restMsMax, restMsFirst * 2 ** (node.failures - 1));
    const ms = Math.max(retryAfterMs, full * (0.5 + this.#parts.random() / 2));
    node.restUntil = this.#parts.now() + ms;
  }

  distrust(node: KnownNode): void {
    this.failed(node);
    node.distrustUntil = this.#parts.now() + DISTRUST_MS;
  }

  /** How long until somebody who is trusted need not rest. */
  restMs(): number {
    const now = this.#parts.now();
    const trusted = this.all().filter(({ distrustUntil }) => distrustUntil <= now);
    return Math.max(0, Math.min(...trusted.map(({ restUntil }) => restUntil)) - now);
  }

  /** A node's word: whom to ask first. An older epoch than is known of a partition is not believed. */
  learn({ partitions, members }: ClusterMap): void {
    this.#mapAt = this.#parts.now();
    const urls = new Map(members.map(({ node, rpc }) => [node, this.#meet(rpc)]));
    this.#leaders = partitions.map(({ epoch, leader }, i) => {
      const url = leader === undefined ? undefined : urls.get(leader);
      const known = this.#leaders[i];
      // Who names no leader knows less than who does.
      if (known?.url === undefined || epoch > known.epoch) return { epoch, url };
      return epoch === known.epoch && url !== undefined ? { epoch, url } : known;
    });
  }

  /** Nobody had a map; it is asked for again when one would be old. */
  learnedNothing(): void {
    this.#mapAt = this.#parts.now();
  }

  /** What is known of leaders did not help: what the next map says is believed. */
  forgetLeader(node: KnownNode): void {
    this.#leaders = this.#leaders.map((known) =>
      known.url === node.url ? { epoch: known.epoch, url: undefined } : known,
    );
    this.#mapAt = Number.NEGATIVE_INFINITY;
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map(({ client }) => client.close()));
  }

  #meet(address: string): string | undefined {
    if (!URL.canParse(address)) return undefined;
    const url = new URL(address).href;
    if (this.#nodes.has(url)) return url;
    if (this.#nodes.size >= NODES_MAX) return undefined;
    this.#nodes.set(url, {
      url,
      client: this.#parts.connect(url),
      failures: 0,
      restUntil: Number.NEGATIVE_INFINITY,
      distrustUntil: Number.NEGATIVE_INFINITY,
      turn: 0,
    });
    return url;
  }
}
