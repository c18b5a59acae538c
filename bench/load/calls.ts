/** JSON-RPC calls, one out per connection: what many independent clients do. */
import { randomFillSync } from 'node:crypto';
import { BenchError } from '../errors.ts';
import { runLoop } from './closed-loop.ts';
import type { Seen } from './seen.ts';
import type { CallsCommand, LoadResult, Sample } from './types.ts';
import { frameOf, type LeanSocket, TEXT } from './websocket.ts';

const DIGEST_BYTES = 32;
/** Digests are cut from a pool of random bytes, which is refilled when it is used up. */
const POOL_BYTES = DIGEST_BYTES << 12;
/** One answer in so many is kept to be verified. */
const SAMPLE_EVERY = 512;
const SAMPLES_MAX = 32;

interface Request {
  readonly frame: Buffer;
  /** Where the digest's hex stands in `frame`. */
  readonly digestAt: number;
  digest: string;
}

export async function runCalls(
  sockets: readonly LeanSocket[],
  command: CallsCommand,
  seen: Seen,
): Promise<LoadResult> {
  const requests = sockets.map((_, client) => requestOf(command.call, client));
  const samples: Sample[] = [];
  const nextDigest = digestSource();
  let answers = 0;
  return runLoop({
    sockets,
    inFlight: 1,
    ms: command.ms,
    weight: 1,
    samples,
    send: (client) => {
      const request = requests[client];
      if (request === undefined) return;
      if (command.call !== 'version') {
        request.digest = nextDigest();
        request.frame.write(request.digest, request.digestAt, 'latin1');
      }
      sockets[client]?.send(request.frame);
    },
    receive: (client, payload) => {
      const answer = payload.toString('latin1');
      if (!answer.includes(`"id":${client},`)) wrong(answer, 'answers another call');
      if (command.call === 'version') {
        if (!answer.includes('"result":')) wrong(answer, 'is no result');
      } else {
        checkSubmission(answer, command.call, seen);
        if (answers++ % SAMPLE_EVERY === 0 && samples.length < SAMPLES_MAX)
          samples.push({ digest: requests[client]?.digest ?? '', answer: payload.toString() });
      }
      return 0;
    },
  });
}

function requestOf(call: CallsCommand['call'], id: number): Request {
  const mark = '#'.repeat(2 * DIGEST_BYTES);
  const params = { algorithm: 'sha256', digest: mark, waitFor: call };
  const text =
    call === 'version'
      ? JSON.stringify({ jsonrpc: '2.0', id, method: 'net_version', params: {} })
      : JSON.stringify({ jsonrpc: '2.0', id, method: 'notary_submit', params });
  const { frame, at } = frameOf(TEXT, text.length);
  frame.write(text, at, 'latin1');
  return { frame, digestAt: at + text.indexOf('#'), digest: '' };
}

function digestSource(): () => string {
  const pool = Buffer.alloc(POOL_BYTES);
  let at = POOL_BYTES;
  return () => {
    if (at === POOL_BYTES) {
      randomFillSync(pool);
      at = 0;
    }
    at += DIGEST_BYTES;
    return pool.toString('hex', at - DIGEST_BYTES, at);
  };
}

/** By searching the text: parsing each answer would cost the node more time than it shows. Samples are parsed later. */
function checkSubmission(answer: string, level: string, seen: Seen): void {
  if (!answer.includes(`"level":"${level}"`)) wrong(answer, `is not at level ${level}`);
  if (!answer.includes('"duplicate":false')) wrong(answer, 'is a duplicate');
  if (level === 'checkpoint' && !answer.includes('"receipt":')) wrong(answer, 'has no receipt');
  seen.add(BigInt(decimalAfter(answer, '"id":"')), Number(decimalAfter(answer, '"offset":"')));
}

function decimalAfter(answer: string, mark: string): string {
  const at = answer.indexOf(mark);
  const end = answer.indexOf('"', at + mark.length);
  const decimal = answer.slice(at + mark.length, end);
  if (at < 0 || !/^\d+$/.test(decimal)) wrong(answer, `has no number behind ${mark}`);
  return decimal;
}

function wrong(answer: string, why: string): never {
  throw new BenchError('bench/wrong-answer', `an answer ${why}: ${answer.slice(0, 300)}`);
}
