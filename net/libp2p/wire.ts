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
      // What came before the end is delivered in a microtask when it came before we listened: a goodbye, say.
      const gone = () => {
        if (stream.readBufferLength === 0) events.wireClosed();
        else queueMicrotask(() => events.wireClosed());
      };
      stream.addEventListener('remoteCloseWrite', gone);
      stream.addEventListener('close', gone);
      if (stream.status !== 'open' || stream.remoteWriteStatus !== 'writable') gone();
    },
  };
}

/**
 * The stream, then the connection: a peer without a link has no business with us. In between the peer closes its side,
 * which shows that a goodbye reached it; a connection closed right away would lose what it has not written yet.
 */
async function closeBoth(stream: Stream, connection: Connection): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_MS_MAX);
  try {
    if (stream.readStatus === 'paused') stream.resume();
    await stream.close({ signal });
    await ended(stream, signal);
    await connection.close({ signal });
  } catch (err) {
    connection.abort(err instanceof Error ? err : new Error(String(err)));
  }
}

/** Resolves when the stream is closed both ways; rejects with the signal. */
function ended(stream: Stream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (stream.status !== 'open' && stream.status !== 'closing') resolve();
    else if (stream.remoteWriteStatus === 'closed') resolve();
    stream.addEventListener('close', () => resolve(), { once: true });
    stream.addEventListener('remoteCloseWrite', () => resolve(), { once: true });
    signal.addEventListener('abort', () => reject(new Error('peer did not close')), { once: true });
  });
}
