/**
 * Loads CometBFT as `consensus/` loads Pyralog: transactions of the same length over WebSocket to all four nodes
 * (`broadcast_tx_sync`), each final when a block that one node tells of has it.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Tally } from '../../consensus/tally.ts';
import type { LoadResult } from '../../consensus/types.ts';
import { BenchError } from '../../errors.ts';
import { frameOf, type LeanSocket, openSocket, TEXT } from '../../load/websocket.ts';
import type { CometCommand } from './types.ts';

const HOST = '127.0.0.1';
const PATH = '/websocket';
/** As long as those of `consensus/`. */
const TRANSACTION_BYTES = 192;
const TICK_MS = 4;
/** A transaction that no block has by then is lost. */
const DRAIN_MS_MAX = 30_000;

let sockets: LeanSocket[] = [];
let serial = 0;
let failure: unknown;
/** Sent and in no block yet: text of the transaction → when. */
const out = new Map<string, number>();
let onFinal: (sentAt: number) => void = () => {};

async function obey(command: CometCommand): Promise<LoadResult | null> {
  switch (command.kind) {
    case 'open':
      await open(command.ports);
      return null;
    case 'rate':
      return runRate(command);
    case 'loop':
      return runLoop(command);
  }
}

async function open(ports: readonly number[]): Promise<void> {
  sockets = await Promise.all(ports.map((port) => openSocket(HOST, port, PATH)));
  const listener = await openSocket(HOST, ports[0] ?? 0, PATH);
  const query = "tm.event='NewBlock'";
  listener.onBroken = fail;
  listener.onMessage = (payload) => hearBlock(payload.toString());
  listener.send(frame({ id: 0, method: 'subscribe', params: { query } }));
  for (const socket of sockets) {
    socket.onBroken = fail;
    socket.onMessage = (payload) => {
      const text = payload.toString('latin1');
      if (!text.includes('"code":0'))
        fail(new BenchError('bench/wrong-answer', `CometBFT refused: ${text.slice(0, 300)}`));
    };
  }
}

function fail(error: unknown): void {
  failure ??= error;
}

function hearBlock(text: string): void {
  const { result } = JSON.parse(text) as {
    result?: { data?: { value?: { block?: { data?: { txs?: readonly string[] } } } } };
  };
  for (const transaction of result?.data?.value?.block?.data?.txs ?? []) {
    const sentAt = out.get(transaction);
    if (sentAt === undefined) continue;
    out.delete(transaction);
    onFinal(sentAt);
  }
}

function sendOne(tally: Tally): void {
  const head = `k${process.pid}x${serial++}=`;
  const filling = randomBytes(TRANSACTION_BYTES).toString('hex');
  const bytes = (head + filling).slice(0, TRANSACTION_BYTES);
  const transaction = Buffer.from(bytes, 'latin1').toString('base64');
  out.set(transaction, performance.now());
  tally.took(TRANSACTION_BYTES);
  const params = { tx: transaction };
  sockets[serial % sockets.length]?.send(
    frame({ id: serial, method: 'broadcast_tx_sync', params }),
  );
}

function frame(call: object): Buffer {
  const text = JSON.stringify({ jsonrpc: '2.0', ...call });
  const { frame: bytes, at } = frameOf(TEXT, text.length);
  bytes.write(text, at, 'latin1');
  return bytes;
}

async function runRate({ perSecond, ms }: { perSecond: number; ms: number }): Promise<LoadResult> {
  const tally = new Tally();
  onFinal = (sentAt) => tally.final(sentAt);
  while (tally.elapsedMs < ms && failure === undefined) {
    const due = Math.floor((perSecond * Math.min(ms, tally.elapsedMs)) / 1000) - tally.sent;
    for (let i = 0; i < due; i++) sendOne(tally);
    await wait(TICK_MS);
  }
  return drained(tally);
}

async function runLoop({ inFlight, ms }: { inFlight: number; ms: number }): Promise<LoadResult> {
  const tally = new Tally();
  onFinal = (sentAt) => {
    tally.final(sentAt);
    if (tally.elapsedMs < ms) sendOne(tally);
  };
  for (let i = 0; i < inFlight; i++) sendOne(tally);
  while (tally.elapsedMs < ms && failure === undefined) await wait(TICK_MS);
  return drained(tally);
}

async function drained(tally: Tally): Promise<LoadResult> {
  tally.endOffer();
  const start = performance.now();
  while (out.size > 0 && failure === undefined) {
    if (performance.now() - start > DRAIN_MS_MAX)
      throw new BenchError('bench/wrong-answer', `CometBFT lost ${out.size} transactions`);
    await wait(TICK_MS);
  }
  if (failure !== undefined) throw failure;
  return tally.result();
}

process.on('message', (command: CometCommand) => {
  obey(command).then(
    (result) => process.send?.({ ok: true, result }),
    (error: unknown) =>
      process.send?.({
        ok: false,
        message: error instanceof Error ? error.message : String(error),
      }),
  );
});
// Ctrl-C reaches the whole group; the parent stops us in its own order.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
