/** What is told of samples: medians and quantiles, because one disturbed round on a shared machine must not decide. */

/** The smallest figure that at least the share `q` of all are not above (nearest rank); 0 without any figure. */
export function quantile(figures: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(figures).sort();
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? 0;
}

export function median(figures: ArrayLike<number>): number {
  return quantile(figures, 0.5);
}
