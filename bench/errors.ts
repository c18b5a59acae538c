import { PyralogError } from '../base/errors.ts';

export type BenchErrorCode =
  /** A child process (the native bench, the node, the load generator) did not do its part. */
  | 'bench/child-failed'
  /** An answer of the measured subject is wrong: a fast wrong answer is not a figure. */
  | 'bench/wrong-answer'
  /** Unknown name or option. */
  | 'bench/usage';

export class BenchError extends PyralogError<BenchErrorCode> {}
