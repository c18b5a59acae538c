import { Counter, Gauge, type Registry } from 'prom-client';

/** Name, help, and what to read when somebody asks. */
export type ReadMetric = readonly [name: string, help: string, value: () => number];

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
