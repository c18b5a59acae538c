/**
 * The load generator: a process of its own, so that its processor time is counted apart from the node's. It takes
 * commands over the channel to its parent and ends with it.
 */
import { BenchError } from '../errors.ts';
import { runCalls } from './calls.ts';
import { runPacked } from './packed.ts';
import { Seen } from './seen.ts';
import type { Command, LoadResult, Reply } from './types.ts';
import { type LeanSocket, openSocket } from './websocket.ts';

const seen = new Seen();
let sockets: LeanSocket[] = [];

async function obey(command: Command): Promise<LoadResult | null> {
  if (command.kind === 'connect') {
    sockets = await Promise.all(
      Array.from({ length: command.clients }, () => openSocket(command.host, command.port)),
    );
    return null;
  }
  const used = sockets.slice(0, command.clients);
  if (used.length < command.clients)
    throw new BenchError('bench/child-failed', `only ${used.length} connections are open`);
  const result =
    command.kind === 'calls'
      ? await runCalls(used, command, seen)
      : await runPacked(used, command, seen);
  seen.check();
  return result;
}

function reply(answer: Reply): void {
  process.send?.(answer);
}

process.on('message', (command: Command) => {
  obey(command).then(
    (result) => reply({ ok: true, result }),
    (error: unknown) =>
      reply({ ok: false, message: error instanceof Error ? error.message : String(error) }),
  );
});
// Ctrl-C reaches the whole group; the parent stops us in its own order.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
