/** A network between members of a cluster that a test can cut: one way or both, without closing a connection. */
import { strict as assert } from 'node:assert';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/** Magic and version (8 bytes), cluster id (32), from, to and zero: what a dialler says first, in clear (LK3). */
const PREAMBLE_BYTES = 48;
const FROM_AT = 40;

/** One connection: the dialler's socket and the one to the member that it meant. */
interface Pair {
  readonly from: string;
  readonly to: string;
  readonly dialler: Socket;
  listener: Socket | undefined;
  /** What the dialler said before the way was open. */
  early: Buffer[];
}

/**
 * Stands between members: they reach each other here, and it reads from the preamble who dials. What is sent on a way that is
 * cut is held, as packets that are sent again and again would be; when the way is whole again it arrives.
 */
export class Relay {
  readonly #servers: Server[] = [];
  readonly #pairs = new Set<Pair>();
  /** `from>to`. */
  readonly #cut = new Set<string>();

  /** Listens for a member that listens at `address`; members are numbered in order of their names, from 1 on. */
  readonly route = async (member: string, address: string): Promise<string> => {
    const port = Number(address.split(':').at(-1));
    const server = createServer((dialler) => this.#accept(member, port, dialler));
    this.#servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const own = server.address();
    assert.ok(typeof own === 'object' && own !== null);
    return `127.0.0.1:${own.port}`;
  };

  /** Nothing that `from` sends reaches any of `to` from now on. */
  cut(from: string, to: readonly string[]): void {
    for (const other of to) this.#cut.add(`${from}>${other}`);
    for (const pair of this.#pairs) this.#flow(pair);
  }

  heal(): void {
    this.#cut.clear();
    for (const pair of this.#pairs) this.#flow(pair);
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) this.#end(pair);
    await Promise.all(this.#servers.map((server) => new Promise((closed) => server.close(closed))));
  }

  #accept(to: string, port: number, dialler: Socket): void {
    let head = Buffer.alloc(0);
    dialler.on('error', () => {}); // tells of itself by `close`
    const onData = (bytes: Buffer) => {
      head = Buffer.concat([head, bytes]);
      if (head.length < PREAMBLE_BYTES) return;
      dialler.off('data', onData);
      const from = `node-${head.readUInt16LE(FROM_AT) - 1}`;
      const pair: Pair = { from, to, dialler, listener: undefined, early: [head] };
      this.#pairs.add(pair);
      dialler.on('data', (more) => {
        if (pair.listener === undefined) pair.early.push(more);
        else pair.listener.write(more);
      });
      dialler.on('close', () => this.#closed(pair));
      this.#flow(pair, port);
    };
    dialler.on('data', onData);
  }

  /** Opens the rest of the way when both directions are whole, and lets each direction flow or not. */
  #flow(pair: Pair, port?: number): void {
    const { from, to, dialler } = pair;
    const there = !this.#cut.has(`${from}>${to}`);
    const back = !this.#cut.has(`${to}>${from}`);
    if (pair.listener === undefined) {
      // No connection is made over a way that is cut; the dialler gives this one up, or tries anew.
      if (!there || !back || port === undefined) dialler.pause();
      else this.#open(pair, port);
      if (there && back && port === undefined) this.#end(pair);
      return;
    }
    if (there) dialler.resume();
    else dialler.pause();
    if (back) pair.listener.resume();
    else pair.listener.pause();
    const isHalf = dialler.destroyed || pair.listener.destroyed;
    if (isHalf && there && back) this.#end(pair);
  }

  #open(pair: Pair, port: number): void {
    const listener = dial(port, '127.0.0.1');
    pair.listener = listener;
    listener.on('error', () => {});
    listener.on('data', (bytes) => pair.dialler.write(bytes));
    listener.on('close', () => this.#closed(pair));
    for (const bytes of pair.early.splice(0)) listener.write(bytes);
  }

  /** One side is gone; the other hears of it unless the way is cut. */
  #closed(pair: Pair): void {
    const { from, to } = pair;
    if (!this.#cut.has(`${from}>${to}`) && !this.#cut.has(`${to}>${from}`)) this.#end(pair);
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.dialler.destroy();
    pair.listener?.destroy();
  }
}
