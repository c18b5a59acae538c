import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { BenchError } from '../errors.ts';

/** What a load generator answers to a command. */
type ChildReply<Result> =
  | { readonly ok: true; readonly result: Result | null }
  | { readonly ok: false; readonly message: string };

/**
 * Sends a command to a load generator and waits for its reply. One at a time: the next message is the reply. Rejects with
 * `bench/wrong-answer` when it says so, `bench/child-failed` when it ended, and as soon as `signal` fires.
 */
export async function askChild<Result>(
  child: ChildProcess,
  command: object,
  signal: AbortSignal,
): Promise<Result | null> {
  const over = new AbortController();
  const gone = once(child, 'exit', { signal: over.signal }).then((): never => {
    throw new BenchError('bench/child-failed', 'the load generator ended before it answered');
  });
  const answer = once(child, 'message', { signal: AbortSignal.any([over.signal, signal]) });
  try {
    child.send(command);
    const [reply] = (await Promise.race([answer, gone])) as [ChildReply<Result>];
    if (!reply.ok) throw new BenchError('bench/wrong-answer', reply.message);
    return reply.result;
  } finally {
    over.abort();
    await Promise.allSettled([answer, gone]);
  }
}
