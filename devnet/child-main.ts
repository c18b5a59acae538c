/**
 * Entry of one devnet node: a real node process that ends with its parent. The parent holds the other end of the IPC
 * pipe, which closes even when the parent is killed with SIGKILL. A node that is paused could not notice that, so the
 * system is asked to kill it then, where it can; what it acknowledged is durable.
 */
import { dieWithParent, runNode } from '../node/process/index.ts';

/** Longer than a drain with everything behind it. */
const STOP_MS_MAX = 25_000;

const parentGone = new AbortController();
const endAlone = () => {
  parentGone.abort();
  // Nobody is there any more to kill a node that does not end; whatever it acknowledged is durable.
  setTimeout(() => process.exit(1), STOP_MS_MAX).unref();
};
process.on('disconnect', endAlone);
dieWithParent();
// It ended before either line above: nobody tells of that any more.
if (!process.connected) endAlone();

const flags: Record<string, string> = JSON.parse(process.argv[2] ?? '{}');
const sources = { environment: {}, flags, workingDir: process.cwd() };
try {
  await runNode(sources, {
    signal: parentGone.signal,
    onReady: ({ address, adminAddress, networkId, origin, policy }) =>
      process.send?.({ kind: 'ready', address, adminAddress, networkId, origin, policy }),
  });
  process.exitCode = 0;
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`pyralog: ${message}\n`);
  if (process.connected) process.send?.({ kind: 'failed', message, code: codeOf(error) });
  process.exitCode = 1;
}
if (process.connected) process.disconnect();

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
