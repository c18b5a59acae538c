/**
 * Bounds what half-sent messages may hold: each has a deadline, and all together a number of bytes (rpc.md R4).
 *
 * A message is buffered until it is whole, so a thousand clients that each stop one byte short of the largest message
 * would hold gigabytes for as long as they like. What counts is what a socket has read since its last whole message.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { RpcLimits } from './types.ts';

/** Often enough that a fast sender cannot fill memory in between. */
const CHECK_MS = 200;
/** Headers, pings and the end of another message are not worth a look. */
const PENDING_BYTES_MIN = 65_536;

interface Reading {
  /** `bytesRead` at the last whole message. */
  mark: number;
  /** When more than {@link PENDING_BYTES_MIN} was first seen behind it. */
  sinceMs: number | undefined;
}

export class Reception {
  readonly #limits: Pick<RpcLimits, 'receiveBytesMax' | 'messageMsMax'>;
  readonly #onCut: (why: string) => void;
  readonly #reading = new Map<Socket, Reading>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    limits: Pick<RpcLimits, 'receiveBytesMax' | 'messageMsMax'>,
    onCut: (why: string) => void,
  ) {
    this.#limits = limits;
    this.#onCut = onCut;
  }

  /** Watches every connection of a server. */
  watch(server: Server): void {
    server.on('connection', (socket) => {
      this.#reading.set(socket, { mark: socket.bytesRead, sinceMs: undefined });
      socket.once('close', () => this.#forget(socket));
      this.#timer ??= setInterval(() => this.#check(performance.now()), CHECK_MS).unref();
    });
  }

  /** A whole message came out of this socket. */
  completed(socket: Socket): void {
    const reading = this.#reading.get(socket);
    if (reading === undefined) return;
    reading.mark = socket.bytesRead;
    reading.sinceMs = undefined;
  }

  #forget(socket: Socket): void {
    this.#reading.delete(socket);
    if (this.#reading.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(now: number): void {
    const half: { socket: Socket; bytes: number }[] = [];
    let total = 0;
    for (const [socket, reading] of this.#reading) {
      const bytes = socket.bytesRead - reading.mark;
      if (bytes < PENDING_BYTES_MIN) continue;
      reading.sinceMs ??= now;
      if (now - reading.sinceMs > this.#limits.messageMsMax) {
        this.#cut(socket, 'a message took too long to arrive');
        continue;
      }
      half.push({ socket, bytes });
      total += bytes;
    }
    half.sort((a, b) => b.bytes - a.bytes);
    for (const { socket, bytes } of half) {
      if (total <= this.#limits.receiveBytesMax) return;
      this.#cut(socket, 'too much is half received');
      total -= bytes;
    }
  }

  #cut(socket: Socket, why: string): void {
    this.#onCut(why);
    socket.destroy();
    this.#forget(socket);
  }
}
