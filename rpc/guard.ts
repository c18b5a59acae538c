/**
 * Who may talk to the server at all (rpc.md R5). A web page can make a browser send requests to loopback; what stops it
 * is the `Host` header (DNS rebinding) and the `Origin` header (foreign pages).
 */
import { createHash, timingSafeEqual } from 'node:crypto';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

interface RequestHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

export class Guard {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  /** `listen` is the address listened on; `hosts` and `origins` come from the configuration. */
  constructor(listen: string, hosts: readonly string[], origins: readonly string[]) {
    const own = listen.includes(':') ? `[${listen}]` : listen;
    this.#hosts = new Set([...LOOPBACK_NAMES, own, ...hosts].map((host) => host.toLowerCase()));
    this.#origins = new Set(origins.map((origin) => origin.toLowerCase()));
  }

  /** What is wrong with the headers of a request; undefined = nothing. */
  fault(headers: RequestHeaders): string | undefined {
    const name = hostName(headers.host);
    if (name === undefined || !this.#hosts.has(name)) {
      return 'the Host header names no host of this node: add it to the allowed hosts';
    }
    if (headers.origin === undefined || this.allowsOrigin(headers.origin)) return undefined;
    if (isSameOrigin(headers.origin, headers.host)) return undefined;
    return 'pages of this origin may not call the node: add it to the allowed origins';
  }

  /** Whether CORS headers are sent to pages of `origin`. Never all of them. */
  allowsOrigin(origin: string): boolean {
    return this.#origins.has(origin.toLowerCase());
  }
}

/** Host without its port, in lower case; undefined when it is missing or malformed. */
function hostName(host: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(?::[0-9]{1,5})?$/.exec(host?.toLowerCase() ?? '')?.[1];
}

function isSameOrigin(origin: string, host: string | undefined): boolean {
  return origin.toLowerCase() === `http://${host?.toLowerCase()}`;
}

/** Whether `Authorization` carries the token, in time that does not depend on how much of it is right (R7). */
export function bearsToken(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +([^\s]+)$/i.exec(authorization ?? '')?.[1] ?? '';
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
