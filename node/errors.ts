import { PyralogError } from '../base/errors.ts';

/** What starting and running a node can come to; every code is a decision of the operator's. */
export type NodeErrorCode =
  /** A setting that is unknown or out of its bounds. */
  | 'node/bad-config'
  /** The data directory is not one, is another network's, or cannot be written. */
  | 'node/bad-data-dir'
  /** The data directory was written by a newer version. */
  | 'node/newer-data-dir'
  /** A directory that holds other things than a node's data. */
  | 'node/not-empty'
  /** A key file that is malformed, readable by others, of another purpose or network. */
  | 'node/bad-key'
  /** The key file needs a passphrase, or it is the wrong one. */
  | 'node/passphrase'
  /** A devnet's derived key outside a devnet (I5). */
  | 'node/devnet-key'
  /** The RPC thread ended by itself. */
  | 'node/worker-stopped'
  /** It was asked to stop before it was ready, or is stopping. */
  | 'node/stopped'
  /** Faults on purpose on a node that is not set up for them. */
  | 'node/no-faults'
  /** More calls wait between the threads of the node than it allows; retry after `data.retryAfterMs`. */
  | 'node/busy';

export type NodeError = PyralogError<NodeErrorCode>;

export function nodeError(
  code: NodeErrorCode,
  message: string,
  options: { data?: Record<string, string | number>; cause?: unknown } = {},
): NodeError {
  return new PyralogError(code, message, options);
}

/** Code of a failed system call, such as `ENOENT`; '' for anything else. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}
