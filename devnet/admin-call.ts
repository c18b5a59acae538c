/** Not imported: an `import` of this module loads Node's HTTP client with it, 14 MB and some 60 ms of the start. */
const { request } = process.getBuiltinModule('node:http');

const TIMEOUT_MS = 5_000;

/** An answered JSON-RPC call: its result, or what was wrong. */
export type CallOutcome =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly message: string };

/**
 * One JSON-RPC call over plain HTTP, because the client library would cost the devnet's parent more memory than it
 * needs for everything else. `undefined` when nobody answers.
 */
export async function callNode(
  url: string,
  { method, params = {}, token }: { method: string; params?: unknown; token?: string },
): Promise<CallOutcome | undefined> {
  const answer = await post(
    url,
    { jsonrpc: '2.0', id: 1, method, params },
    token === undefined ? {} : { authorization: `Bearer ${token}` },
  );
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { result, error }: { result?: unknown; error?: { message?: unknown } } = answer;
  return error === undefined
    ? { ok: true, result }
    : { ok: false, message: String(error.message ?? 'refused without a reason') };
}

/** Posts JSON and gives the JSON that comes back; `undefined` when nobody answers or it is none. */
export function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
  timeoutMs = TIMEOUT_MS,
): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const call = request(
    url,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      timeout: timeoutMs,
    },
    (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(parse(text)));
      response.on('error', () => resolve(undefined));
    },
  );
  call.on('timeout', () => call.destroy());
  call.on('error', () => resolve(undefined)); // not there: the caller says so
  call.end(JSON.stringify(body));
  return promise;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not a Pyralog node
  }
}
