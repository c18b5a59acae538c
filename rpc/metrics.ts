/**
 * What the server counts. A call costs two clock reads and two additions: prom-client's own histogram hashes its labels
 * on every observation, which at tens of thousands of calls a second is a tenth of the server.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { CallObserver } from './dispatch.ts';

/** Upper bounds in seconds; the bar is 20 ms, so it is finest around there. */
const BUCKETS = [
  0.000_1, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 5, 30,
];

/** Calls that name no method of this server share one label, or a stranger could fill the memory with labels. */
const UNKNOWN = 'unknown';

/** How often the event loop's delay is sampled, milliseconds. */
const LAG_SAMPLE_MS = 20;

const CALLS = {
  name: 'pyralog_rpc_call_seconds',
  help: 'From the parsed request to its answer, by method.',
};

/** A histogram over `method` whose counts are kept in arrays and given their labels when they are read. */
class CallHistogram extends Histogram<'method'> {
  readonly #series = new Map<string, Float64Array>();

  /** Last two places of a series: sum and count. */
  add(method: string, seconds: number): void {
    const series = this.#of(method);
    let at = 0;
    while (at < BUCKETS.length && seconds > (BUCKETS[at] ?? 0)) at++;
    series[at] = (series[at] ?? 0) + 1;
    series[BUCKETS.length + 1] = (series[BUCKETS.length + 1] ?? 0) + seconds;
  }

  /** What the registry prints, and what `get` is made from; prom-client's types leave it out. */
  getForPromString() {
    const values = [...this.#series].flatMap(([method, series]) => rows(method, series));
    return Promise.resolve({ ...CALLS, type: 'histogram', aggregator: 'sum', values });
  }

  #of(method: string): Float64Array {
    let series = this.#series.get(method);
    if (series === undefined) {
      series = new Float64Array(BUCKETS.length + 2);
      this.#series.set(method, series);
    }
    return series;
  }
}

/** One series in the order Prometheus prints it: cumulative buckets, sum, count. */
function rows(method: string, series: Float64Array) {
  const { name } = CALLS;
  let count = 0;
  const buckets = [...BUCKETS, '+Inf'].map((le, at) => {
    count += series[at] ?? 0;
    return { metricName: `${name}_bucket`, labels: { method, le }, value: count };
  });
  const labels = { method };
  const sum = series[BUCKETS.length + 1] ?? 0;
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

export class RpcMetrics implements CallObserver {
  readonly #known: ReadonlySet<string>;
  readonly #calls: CallHistogram;
  readonly #errors: Counter<'method' | 'reason'>;
  readonly #totals: { started: number; received: number; sent: number };
  readonly #lag: ReturnType<typeof monitorEventLoopDelay>;
  readonly connectionsOpened: Counter;
  readonly connectionsClosed: Counter;
  /** WebSocket clients that were cut because they did not read. */
  readonly connectionsCut: Counter;

  /** Adds its metrics to `registry`, which must not have them yet. */
  constructor(registry: Registry, methods: Iterable<string>) {
    const registers = [registry];
    this.#known = new Set(methods);
    this.#calls = new CallHistogram({
      ...CALLS,
      labelNames: ['method'],
      registers,
    });
    this.#errors = new Counter({
      name: 'pyralog_rpc_errors_total',
      help: 'Calls answered with an error, by method and reason.',
      labelNames: ['method', 'reason'],
      registers,
    });
    const counter = (name: string, help: string) => new Counter({ name, help, registers });
    this.connectionsOpened = counter('pyralog_rpc_connections_opened_total', 'WebSockets opened.');
    this.connectionsClosed = counter('pyralog_rpc_connections_closed_total', 'WebSockets closed.');
    this.connectionsCut = counter(
      'pyralog_rpc_connections_cut_total',
      'WebSockets cut because their client did not read.',
    );
    this.#totals = { started: 0, received: 0, sent: 0 };
    this.#exportTotals(registry);
    this.#lag = monitorEventLoopDelay({ resolution: LAG_SAMPLE_MS });
    this.#lag.enable();
    this.#exportLag(registry);
  }

  started(): void {
    this.#totals.started++;
  }

  finished(method: string, startedMs: number, reason: string | undefined): void {
    const label = this.#known.has(method) ? method : UNKNOWN;
    this.#calls.add(label, (performance.now() - startedMs) / 1_000);
    if (reason !== undefined) this.#errors.inc({ method: label, reason });
  }

  received(bytes: number): void {
    this.#totals.received += bytes;
  }

  sent(bytes: number): void {
    this.#totals.sent += bytes;
  }

  /** Shows how much waits for the chain (rpc.md R10). */
  watch(registry: Registry, submissions: { readonly waiting: number; readonly refused: number }) {
    const registers = [registry];
    new Gauge({
      name: 'pyralog_rpc_transactions_waiting_total',
      help: 'Transactions gathered or handed to the chain whose outcome is not known.',
      registers,
      collect() {
        this.set(submissions.waiting);
      },
    });
    new Counter({
      name: 'pyralog_rpc_transactions_overloaded_total',
      help: 'Transactions turned away because too many waited.',
      registers,
      collect() {
        this.reset();
        this.inc(submissions.refused);
      },
    });
  }

  /** Ends the sampling of the event loop. */
  close(): void {
    this.#lag.disable();
  }

  #exportTotals(registry: Registry): void {
    const names = [
      [
        'started',
        'pyralog_rpc_calls_started_total',
        'Calls begun; less the count of calls = in flight.',
      ],
      ['received', 'pyralog_rpc_received_bytes', 'Bytes of requests and frames since start.'],
      ['sent', 'pyralog_rpc_sent_bytes', 'Bytes of answers and notifications since start.'],
    ] as const;
    for (const [field, name, help] of names) {
      const totals = this.#totals;
      new Counter({
        name,
        help,
        registers: [registry],
        collect() {
          this.reset();
          this.inc(totals[field]);
        },
      });
    }
  }

  #exportLag(registry: Registry): void {
    const lag = this.#lag;
    new Gauge({
      name: 'pyralog_rpc_event_loop_lag_seconds',
      help: 'Delay of the event loop of the RPC thread since it was last asked for, by quantile.',
      labelNames: ['thread', 'quantile'],
      registers: [registry],
      collect() {
        for (const quantile of [50, 99, 100]) {
          const late = Math.max(0, lag.percentile(quantile) / 1e9 - LAG_SAMPLE_MS / 1e3);
          this.set({ thread: 'rpc', quantile: quantile / 100 }, lag.count === 0 ? 0 : late);
        }
        lag.reset();
      },
    });
  }
}
