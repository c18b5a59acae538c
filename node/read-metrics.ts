import { Counter, Gauge, type Registry } from 'prom-client';

/** Name, help, and what to read when somebody asks. */
export type ReadMetric = readonly [name: string, help: string, value: () => number];

/** Figures that all metrics of a scrape share: a registry calls every `collect` in one turn of the event loop. */
export function oncePerScrape<T extends object>(read: () => T): () => T {
  let figures: T | undefined;
  return () => {
    if (figures === undefined) {
      figures = read();
      queueMicrotask(() => {
        figures = undefined;
      });
    }
    return figures;
  };
}

/** Adds a counter that somebody else counts. */
export function addCounter(registry: Registry, [name, help, value]: ReadMetric): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}

export function addGauge(registry: Registry, [name, help, value]: ReadMetric): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}
