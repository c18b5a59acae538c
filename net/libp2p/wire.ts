import type { Connection, Stream } from '@libp2p/interface';
import type { Wire } from '../framed-link.ts';

/** How long a goodbye may take to leave before the stream is cut. */
const CLOSE_MS_MAX = 1_000;

/** Who is told what the stream does. */
export interface WireEvents {
  take(chunk: Uint8Array): void;
  drained(): void;
  wireClosed(): void;
}

/** A libp2p stream as the wire under a link. {@link wireOf} gives the wire, `listen` starts the events. */
export function wireOf(
  stream: Stream,
  connection: Connection,
): { wire: Wire; listen(events: WireEvents): void } {
  let closing = false;
  const wire: Wire = {
    send(bytes) {
      if (stream.writeStatus !== 'writable') return false;
      return stream.send(bytes);
    },
    pause() {
      if (stream.readStatus === 'readable') stream.pause();
    },
    resume() {
      if (stream.readStatus === 'paused') stream.resume();
    },
    close() {
      if (closing) return;
      closing = true;
      void closeBoth(stream, connection);
    },
  };
  return {
    wire,
    listen(events) {
      stream.addEventListener('message', (event) => events.take(event.data.subarray()));
      stream.addEventListener('drain', () => events.drained());
      stream.addEventListener('remoteCloseWrite', () => events.wireClosed());
      stream.addEventListener('close', () => events.wireClosed());
      if (stream.status !== 'open') events.wireClosed();
    },
  };
}

/** The stream, so that a goodbye gets out, then the connection: a peer without a link has no business with us. */
async function closeBoth(stream: Stream, connection: Connection): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_MS_MAX);
  try {
    if (stream.readStatus === 'paused') stream.resume();
    await stream.close({ signal });
    await connection.close({ signal });
  } catch (err) {
    connection.abort(err instanceof Error ? err : new Error(String(err)));
  }
}
