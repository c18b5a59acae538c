/**
 * The least WebSocket client that can load a node (RFC 6455): the generator shares the machine with what it measures, so
 * each microsecond here is one the node does not get.
 *
 * Client frames must carry a masking key; it may be zero, and then masking changes nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { BenchError } from '../errors.ts';

const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
export const TEXT = 1;
export const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

export interface LeanSocket {
  /** `frame` must come from {@link frameOf}; its bytes may be changed again once the call returned. */
  send(frame: Buffer): void;
  /** Called with each message's payload, which is valid during the call only. */
  onMessage: (payload: Buffer) => void;
  /** Called once when the connection breaks or the server closes it. */
  onBroken: (error: Error) => void;
  close(): void;
}

/** A masked (by zero) client frame of `bytes` payload bytes, and where its payload begins. */
export function frameOf(opcode: number, bytes: number): { frame: Buffer; at: number } {
  const extended = bytes < 126 ? 0 : bytes < 65_536 ? 2 : 8;
  const at = 2 + extended + 4;
  const frame = Buffer.alloc(at + bytes);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extended === 0 ? bytes : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(bytes, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(bytes), 2);
  return { frame, at };
}

/** Connects and upgrades. `bench/child-failed` when the server is not there or refuses. */
export function openSocket(host: string, port: number, path = '/'): Promise<LeanSocket> {
  return new Promise((resolve, reject) => {
    const key = randomBytes(16).toString('base64');
    const tcp = connect({ host, port, noDelay: true });
    const fail = (why: string) => {
      tcp.destroy();
      reject(new BenchError('bench/child-failed', `no WebSocket at ${host}:${port}: ${why}`));
    };
    tcp.once('error', (error) => fail(error.message));
    tcp.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    );
    let head = Buffer.alloc(0);
    const onHead = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      tcp.removeListener('data', onHead);
      tcp.removeAllListeners('error');
      const answer = head.toString('latin1', 0, end);
      const accept = createHash('sha1')
        .update(key + ACCEPT_GUID)
        .digest('base64');
      if (!answer.startsWith('HTTP/1.1 101') || !answer.includes(accept))
        return fail(answer.split('\r\n')[0] ?? 'no answer');
      resolve(speak(tcp, head.subarray(end + 4)));
    };
    tcp.on('data', onHead);
  });
}

function speak(tcp: Socket, early: Buffer): LeanSocket {
  const socket: LeanSocket = {
    send: (frame) => tcp.write(frame),
    onMessage: () => {},
    onBroken: () => {},
    close: () => tcp.destroy(),
  };
  const reader = frameReader((opcode, payload) => {
    if (opcode === TEXT || opcode === BINARY) socket.onMessage(payload);
    else if (opcode === PING) tcp.write(frameOf(PONG, 0).frame);
    else if (opcode === CLOSE) tcp.destroy(new Error('the server closed the connection'));
  });
  let broken = false;
  const onBroken = (error: Error) => {
    if (broken) return;
    broken = true;
    socket.onBroken(error);
  };
  tcp.on('data', reader);
  tcp.on('error', onBroken);
  tcp.on('close', () => onBroken(new Error('the connection was closed')));
  if (early.length > 0) reader(early);
  return socket;
}

/** Cuts a byte stream into frames. One frame in one chunk, the common case, is not copied. */
function frameReader(onFrame: (opcode: number, payload: Buffer) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  let wanted = 2;
  return (chunk) => {
    parts.push(chunk);
    held += chunk.length;
    if (held < wanted) return;
    let rest = parts.length === 1 ? chunk : Buffer.concat(parts, held);
    for (;;) {
      const extent = frameExtent(rest);
      wanted = extent.end;
      if (rest.length < wanted) break;
      onFrame((rest[0] ?? 0) & 15, rest.subarray(extent.at, extent.end));
      rest = rest.subarray(extent.end);
    }
    held = rest.length;
    parts = held === 0 ? [] : [rest];
  };
}

/** Where the payload of the frame at 0 begins, and where it ends as far as that is known. */
function frameExtent(bytes: Buffer): { at: number; end: number } {
  if (bytes.length < 2) return { at: 2, end: 2 };
  const short = (bytes[1] ?? 0) & 127;
  if (short < 126) return { at: 2, end: 2 + short };
  if (short === 126)
    return bytes.length < 4 ? { at: 4, end: 4 } : { at: 4, end: 4 + bytes.readUInt16BE(2) };
  return bytes.length < 10
    ? { at: 10, end: 10 }
    : { at: 10, end: 10 + Number(bytes.readBigUInt64BE(2)) };
}
