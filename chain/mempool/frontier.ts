export interface Ranked {
  readonly rank: number;
  /** Decides between equal ranks. */
  readonly tie: number;
}

/** The next steps of a walk through a ranking, smallest rank first: a bare heap. */
export class Frontier<S extends Ranked> {
  readonly #steps: S[] = [];

  push(step: S): void {
    let at = this.#steps.length;
    this.#steps.push(step);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = this.#steps[up];
      if (above === undefined || !isBefore(step, above)) break;
      this.#steps[at] = above;
      at = up;
    }
    this.#steps[at] = step;
  }

  pop(): S | undefined {
    const first = this.#steps[0];
    const last = this.#steps.pop();
    if (last === undefined || this.#steps.length === 0) return first;
    let at = 0;
    for (;;) {
      const child = this.#lesserChild(at);
      const step = this.#steps[child];
      if (step === undefined || !isBefore(step, last)) break;
      this.#steps[at] = step;
      at = child;
    }
    this.#steps[at] = last;
    return first;
  }

  #lesserChild(at: number): number {
    const [left, right] = [this.#steps[2 * at + 1], this.#steps[2 * at + 2]];
    const goesRight = left !== undefined && right !== undefined && isBefore(right, left);
    return goesRight ? 2 * at + 2 : 2 * at + 1;
  }
}

function isBefore(a: Ranked, b: Ranked): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.tie < b.tie);
}
