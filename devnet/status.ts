import { request } from 'node:http';

/** What one screen of a devnet shows. */
export interface DevnetStatus {
  readonly origin: string;
  readonly size: bigint;
  /** Records under the newest signed checkpoint. */
  readonly checkpointSize: bigint | undefined;
}

/**
 * Asks a devnet's node for its log. Plain HTTP, because the client library would cost the screen more memory than the
 * node's whole log. Resolves to `undefined` when nobody answers.
 */
export async function readStatus(url: string): Promise<DevnetStatus | undefined> {
  const answer = await post(url, { jsonrpc: '2.0', id: 1, method: 'log_info', params: {} });
  const [log] = (answer as { result?: { logs?: WireLog[] } } | undefined)?.result?.logs ?? [];
  if (log === undefined) return undefined;
  return {
    origin: log.origin,
    size: BigInt(log.size),
    checkpointSize: log.checkpoint === undefined ? undefined : BigInt(log.checkpoint.size),
  };
}

interface WireLog {
  readonly origin: string;
  readonly size: string;
  readonly checkpoint?: { readonly size: string };
}

function post(url: string, body: unknown): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const call = request(
    url,
    { method: 'POST', headers: { 'content-type': 'application/json' }, timeout: 2_000 },
    (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(response.statusCode === 200 ? JSON.parse(text) : undefined));
      response.on('error', () => resolve(undefined));
    },
  );
  call.on('timeout', () => call.destroy());
  call.on('error', () => resolve(undefined)); // not there: the screen says so
  call.end(JSON.stringify(body));
  return promise;
}
