import type { Logger } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import type { App } from '../engine.ts';
import type { PosOptions } from './options.ts';
import type { Peer, Peers } from './peers.ts';
import { SyncPeers } from './sync-peers.ts';
import {
  decodeSyncAnswer,
  decodeSyncRequest,
  encodeSyncAnswer,
  encodeSyncRequest,
  SYNC_COUNT_MAX,
  type SyncAnswer,
  type SyncedBlock,
  type SyncRequest,
} from './wire.ts';

/** An answer carries one block of any size and others while they fit in this. */
const ANSWER_BYTES_MAX = 1024 * 1024;
/** Requests of one peer that wait while one is served. */
const WAITING_MAX = 4;

/** What became of a block from a peer: `late` when this node has one of that height already. */
export type Applied = 'applied' | 'late' | 'invalid';

export interface SyncDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly peers: Peers;
  readonly app: Pick<App, 'head' | 'block'>;
  /** Validates, verifies and commits the block of this height. */
  readonly apply: (height: number, block: SyncedBlock) => Promise<Applied>;
  /** Nothing is asked for and nothing is being applied any more. */
  readonly idle: () => void;
  readonly onBug: (bug: unknown) => void;
}

interface Asked extends SyncRequest {
  readonly peer: Peer;
  /** When (monotonic ms). */
  readonly at: number;
  readonly cancel: () => void;
}

/**
 * Fetches the blocks that others have finalized without this node, and gives others those that they lack (P32).
 *
 * One request is on its way at a time, to a peer that said it is ahead ({@link SyncPeers} says to which).
 */
export class BlockSync {
  readonly #deps: SyncDeps;
  readonly #options: PosOptions;
  readonly #peers = new SyncPeers();
  readonly #serving = new Map<Peer, SyncRequest[]>();
  #asked: Asked | undefined;
  #applying = false;
  /** The newest answer had blocks that proved to be final. */
  #proved = false;
  #grace: (() => void) | undefined;
  #requests = 0;
  #syncedBlocks = 0;
  #stopped = false;

  constructor(deps: SyncDeps, options: PosOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get syncedBlocks(): number {
    return this.#syncedBlocks;
  }

  /** Whether blocks of an answer are being applied. */
  get applying(): boolean {
    return this.#applying;
  }

  /** Greatest head that a peer told. */
  peerHeight(): number {
    let height = 0;
    for (const peer of this.#deps.peers) height = Math.max(height, peer.head);
    return height;
  }

  /** Whether blocks are being fetched that prove to be final one after the other; what peers merely claim does not count. */
  get catchingUp(): boolean {
    return this.#proved && this.peerHeight() > this.#head() + 1;
  }

  peerHeads(): ReadonlyMap<string, number> {
    return new Map([...this.#deps.peers].map(({ id, head }) => [id, head]));
  }

  /** Something changed: our head, a peer's, who is connected. */
  consider(): void {
    if (this.#stopped || this.#asked !== undefined || this.#applying) return;
    const behind = this.peerHeight() - this.#head();
    if (behind <= 0) {
      this.#endGrace();
      return;
    }
    if (behind > 1) {
      this.#ask();
      return;
    }
    if (this.#grace !== undefined) return;
    const height = this.#head();
    const { clock } = this.#deps;
    this.#grace = clock.schedule(clock.monotonic() + this.#options.syncGraceMs, () => {
      this.#grace = undefined;
      if (this.#head() === height) this.#ask();
      else this.consider();
    });
  }

  connected(peer: Peer): void {
    this.#peers.connected(peer, this.#deps.clock.monotonic());
    this.consider();
  }

  disconnected(peer: Peer): void {
    this.#peers.forget(peer);
    this.#serving.delete(peer);
    if (this.#asked?.peer !== peer) return;
    this.#asked.cancel();
    this.#asked = undefined;
    this.#goOn();
  }

  stop(): void {
    this.#stopped = true;
    this.#endGrace();
    this.#asked?.cancel();
    this.#asked = undefined;
    this.#serving.clear();
  }

  /** A frame of the channel `sync`. */
  request(peer: Peer, bytes: Uint8Array): void {
    const request = decodeSyncRequest(bytes);
    if (request === undefined) {
      this.#deps.peers.report(peer, 'malformed', 'request of blocks (P32)');
      return;
    }
    const waiting = this.#serving.get(peer);
    if (waiting === undefined) {
      this.#serving.set(peer, [request]);
      void this.#serve(peer);
    } else if (waiting.length <= WAITING_MAX) {
      waiting.push(request);
    } else {
      this.#deps.peers.report(peer, 'flood', 'requests of blocks (P32)');
    }
  }

  /** A frame of the channel `answers`. One that nobody waits for any more came late. */
  answer(peer: Peer, bytes: Uint8Array): void {
    const asked = this.#asked;
    if (asked?.peer !== peer) return;
    const answer = decodeSyncAnswer(bytes);
    if (answer !== undefined && answer.request !== asked.request) return;
    if (answer === undefined || answer.blocks.length > asked.count) {
      this.#deps.peers.report(peer, 'malformed', 'answer with blocks (P32)');
      this.#giveUp(asked);
      return;
    }
    asked.cancel();
    this.#asked = undefined;
    if (answer.blocks.length === 0) {
      peer.head = Math.min(peer.head, this.#head());
      this.#failed(peer);
      this.#goOn();
      return;
    }
    void this.#apply(asked, answer);
  }

  #head(): number {
    return this.#deps.app.head()?.height ?? 0;
  }

  #ask(): void {
    if (this.#stopped || this.#asked !== undefined || this.#applying) return;
    this.#endGrace();
    const { clock, peers } = this.#deps;
    const at = clock.monotonic();
    const peer = this.#peers.next(peers, this.#head(), at);
    if (peer === undefined) return;
    const from = this.#head() + 1;
    const count = Math.min(SYNC_COUNT_MAX, peer.head - from + 1);
    const request = { request: ++this.#requests, from, count };
    const cancel = clock.schedule(at + this.#options.requestMsMax, () => {
      if (this.#asked?.request === request.request) this.#giveUp(this.#asked);
    });
    this.#asked = { ...request, peer, at, cancel };
    peers.send(peer, 'sync', encodeSyncRequest(request), 'normal');
  }

  #giveUp(asked: Asked): void {
    asked.cancel();
    this.#asked = undefined;
    this.#failed(asked.peer);
    this.#goOn();
  }

  #failed(peer: Peer): void {
    this.#proved = false;
    this.#peers.failed(peer, this.#deps.clock.monotonic(), this.#options.requestMsMax);
  }

  async #apply(asked: Asked, answer: SyncAnswer): Promise<void> {
    this.#applying = true;
    const millis = this.#deps.clock.monotonic() - asked.at;
    let invalid = false;
    try {
      for (const [i, block] of answer.blocks.entries()) {
        if (this.#stopped) return;
        const applied = await this.#deps.apply(asked.from + i, block);
        if (applied === 'applied') {
          this.#syncedBlocks++;
          this.#proved = true;
        }
        if (applied === 'invalid') {
          this.#deps.peers.report(asked.peer, 'invalid', `block ${asked.from + i} by sync (P32)`);
          this.#failed(asked.peer);
          invalid = true;
          break;
        }
      }
      if (!invalid) this.#peers.delivered(asked.peer, answer.blocks.length, millis);
    } catch (bug) {
      this.#deps.onBug(bug);
    } finally {
      this.#applying = false;
    }
    this.#goOn();
  }

  /**
   * A request has ended, whatever came of it: the next one, or no more. Whoever waits for that must hear of it also when
   * the last request failed, or a peer that lies about its head keeps this node from voting for ever.
   */
  #goOn(): void {
    this.consider();
    if (this.#asked === undefined && !this.#applying) this.#deps.idle();
  }

  async #serve(peer: Peer): Promise<void> {
    try {
      for (;;) {
        const request = this.#serving.get(peer)?.[0];
        if (request === undefined || this.#stopped) break;
        const blocks = await this.#read(request);
        const answer = encodeSyncAnswer({ request: request.request, blocks });
        await peer.link.send('answers', answer, 'bulk');
        this.#serving.get(peer)?.shift();
      }
    } catch (err) {
      this.#deps.log.debug({ err, peer: peer.id }, 'request of blocks not served');
    } finally {
      this.#serving.delete(peer);
    }
  }

  async #read({ from, count }: SyncRequest): Promise<SyncedBlock[]> {
    const blocks: SyncedBlock[] = [];
    let total = 0;
    for (let height = from; height < from + count && height <= this.#head(); height++) {
      const block = await this.#deps.app.block(height);
      if (block === undefined) break;
      total += block.bytes.length + block.evidence.bytes.length;
      if (blocks.length > 0 && total > ANSWER_BYTES_MAX) break;
      blocks.push({ bytes: block.bytes, certificate: block.evidence.bytes });
    }
    return blocks;
  }

  #endGrace(): void {
    this.#grace?.();
    this.#grace = undefined;
  }
}
