/** What the load generator of CometBFT, a process of its own, is asked. It answers as that of `consensus/` does. */

export type CometCommand =
  | { readonly kind: 'open'; readonly ports: readonly number[] }
  /** So many a second come. */
  | { readonly kind: 'rate'; readonly perSecond: number; readonly ms: number }
  /** So many are out at any time. */
  | { readonly kind: 'loop'; readonly inFlight: number; readonly ms: number };
