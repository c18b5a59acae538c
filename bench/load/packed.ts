/** Packed digests in binary frames (rpc.md R8): what one client with very much to notarize does. */
import { randomFillSync } from 'node:crypto';
import { BenchError } from '../errors.ts';
import { runLoop } from './closed-loop.ts';
import type { Seen } from './seen.ts';
import type { LoadResult, PackedCommand } from './types.ts';
import { BINARY, frameOf, type LeanSocket } from './websocket.ts';

const SHA256_CODE = 0x12;
const DIGEST_BYTES = 32;
const REQUEST_HEAD = 16;
const ANSWER_HEAD = 12;
const OUTCOME_BYTES = 40;

interface Request {
  readonly frame: Buffer;
  readonly digests: Buffer;
}

export async function runPacked(
  sockets: readonly LeanSocket[],
  command: PackedCommand,
  seen: Seen,
): Promise<LoadResult> {
  const { inFlight, digests } = command;
  const requests = sockets.map(() =>
    Array.from({ length: inFlight }, (_, slot) => requestOf(slot, digests)),
  );
  let serial = 0;
  return runLoop({
    sockets,
    inFlight,
    ms: command.ms,
    weight: digests,
    samples: [],
    send: (client, slot) => {
      const request = requests[client]?.[slot];
      if (request === undefined) return;
      serial = renew(request.digests, serial);
      sockets[client]?.send(request.frame);
    },
    receive: (_, payload) => receive(payload, digests, seen),
  });
}

function requestOf(requestId: number, count: number): Request {
  const { frame, at } = frameOf(BINARY, REQUEST_HEAD + count * DIGEST_BYTES);
  frame.set([1, 1, 0, SHA256_CODE], at);
  frame.writeUInt32LE(requestId, at + 4);
  frame.writeUInt32LE(count, at + 12);
  const digests = frame.subarray(at + REQUEST_HEAD);
  randomFillSync(digests);
  return { frame, digests };
}

/** A serial number in each digest makes it new; random bytes for all would cost more than the node's work. */
function renew(digests: Buffer, serial: number): number {
  let next = serial;
  for (let at = 0; at < digests.length; at += DIGEST_BYTES) digests.writeUInt32LE(next++, at);
  return next;
}

/** Every outcome is new, ids rise; returns the request's number. */
function receive(payload: Buffer, count: number, seen: Seen): number {
  if (payload[1] !== 2) wrong(`is an error: ${payload.toString('utf8', 8, 308)}`);
  if (payload.readUInt32LE(8) !== count)
    wrong(`has ${payload.readUInt32LE(8)} outcomes, not ${count}`);
  let last = 0n;
  for (let i = 0; i < count; i++) {
    const at = ANSWER_HEAD + i * OUTCOME_BYTES;
    if (payload[at] !== 0) wrong(`says status ${payload[at]} of a new digest`);
    const id = payload.readBigUInt64LE(at + 16);
    if (id <= last) wrong(`gives id ${id} behind ${last}`);
    last = id;
    seen.add(id, payload.readUInt32LE(at + 8) + payload.readUInt32LE(at + 12) * 2 ** 32);
  }
  return payload.readUInt32LE(4);
}

function wrong(why: string): never {
  throw new BenchError('bench/wrong-answer', `an answer ${why}`);
}
