import { PyralogError } from '../base/errors.ts';

/** What the commands themselves fail with; everything else keeps the code of where it came from. */
export type CliErrorCode =
  /** The arguments make no sense. */
  | 'cli/usage'
  /** No node was named and none found. */
  | 'cli/no-node'
  /** The user said stop. */
  | 'cli/interrupted'
  /** A file cannot be read or written. */
  | 'cli/file'
  /** The file changed while it was read; its digest would be of neither version. */
  | 'cli/file-changing'
  /** A receipt is there already. */
  | 'cli/receipt-exists'
  /** There is no receipt beside the file. */
  | 'cli/no-receipt'
  /** No trust store was found. */
  | 'cli/no-trust'
  /** What the node answered is not about what was asked. */
  | 'cli/wrong-answer'
  /** The key is for another network than the node's. */
  | 'cli/wrong-network'
  /** The vote key went to work already: its slashing protection is elsewhere. */
  | 'cli/key-used'
  /** A genesis draft that cannot be read, or that makes no network. */
  | 'cli/bad-draft'
  /** Not confirmed. */
  | 'cli/not-confirmed'
  /** A part of the tool is missing on this machine. */
  | 'cli/unavailable';

export function cliError(
  code: CliErrorCode,
  message: string,
  cause?: unknown,
): PyralogError<CliErrorCode> {
  return new PyralogError(code, message, { cause });
}
