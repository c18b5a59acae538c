/** A pinned policy as the node itself holds it (trust.md T1). */
export interface NodePolicy {
  readonly scope: string;
  /** Verification keys (checkpoint.md C3). */
  readonly keys: readonly string[];
  readonly threshold: number;
  readonly faults: number;
}
