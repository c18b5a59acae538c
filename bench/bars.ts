/**
 * The bars of the project, all in one place, and what peers reach. A figure without an entry has no bar.
 *
 * Durable batches are judged by the stricter of the two floors: one BLAKE3 over the whole batch. How they stand to the
 * other, one BLAKE3 a record, is printed beside it without a bar.
 */
import type { Bar, BenchName } from './types.ts';

interface Expectation {
  readonly bar?: Bar;
  readonly peer?: string;
}

const ofFloor: Expectation = { bar: { atLeastOfFloor: 0.7 } };

const LOG: Readonly<Record<string, Expectation>> = {
  'durable batch, 1 in flight': ofFloor,
  'durable batch, 2 in flight': ofFloor,
  'durable batch, 4 in flight': ofFloor,
  'durable batch, 8 in flight': ofFloor,
  'single durable append p99': { bar: { atMostOfFloor: 1.6 } },
  'Merkle append': { bar: { atLeast: 4e6 } },
  '30-hash proof, native': { bar: { atMost: 5 } },
  '30-hash proof, TypeScript': { bar: { atMost: 300 } },
  'hashes at open': { bar: { atMost: 64 } },
};

const NOTARY: Readonly<Record<string, Expectation>> = {
  'first RPC, second start': { bar: { atMost: 1000 } },
  'submit, 256 clients': { bar: { atLeast: 15_000 }, peer: 'Tessera 7,100' },
  'submit p50, 256 clients': { bar: { atMost: 20 }, peer: 'Tessera 29' },
  'submit to checkpoint p50, 256 clients': { bar: { atMost: 25 }, peer: 'Tessera 100-550' },
  'submit to checkpoint p50, 1 client': { bar: { atMost: 5 } },
  'packed digests': { bar: { atLeast: 500_000 } },
  'RSS after start': { bar: { atMost: 120 } },
  'RSS at rest': { bar: { atMost: 120 } },
};

/** In a tree of 1,000,000 keys. */
const STATE: Readonly<Record<string, Expectation>> = {
  'state rebuild': { bar: { atMost: 0.5 } },
  'state, 1,000 keys changed': { bar: { atMost: 5 }, peer: 'jmt 26, nomt 44' },
  'state proof size p50': { bar: { atMost: 800 }, peer: 'jmt 1,400' },
  'state proof size p99': { bar: { atMost: 800 } },
  'state memory a key': { bar: { atMost: 160 } },
};

/** Three members on one machine, durable on all (issue of clusters); etcd is measured beside them where Go is (peers/). */
const CLUSTER: Readonly<Record<string, Expectation>> = {
  'submit, 256 clients': { bar: { atLeast: 15_000 }, peer: 'etcd 5,100/s' },
  'submit p50, 256 clients': { bar: { atMost: 20 }, peer: 'etcd 45 ms' },
  'submit p50, 1 client': { bar: { atMostOfFloor: 1.5 }, peer: 'etcd 1.6 ms' },
  'submit p50, 1 client, to etcd': { bar: { atMost: 1 } },
  'packed digests, on three': { bar: { atLeast: 300_000 } },
  'processor a write over three, to etcd': { bar: { atMost: 1 / 3 } },
  '600 quiet groups, processor of a member': { bar: { atMost: 3 } },
  'failover p99, from the kill to a leader': { bar: { atMost: 10 } },
};

/** Four validators on one machine; what CometBFT does is measured beside it where Go is (peers/). */
const CONSENSUS: Readonly<Record<string, Expectation>> = {
  'devnet: first RPC': { bar: { atMost: 1500 } },
  'devnet: first block': { bar: { atMost: 2500 }, peer: 'CometBFT 1,200' },
  'devnet: RSS a node at rest': { bar: { atMost: 140 } },
  'submit to final receipt p50': { bar: { atMost: 1000 } },
  'commit p50, 100/s': { bar: { atMost: 50 } },
  'commit p99, 100/s': { bar: { atMost: 150 } },
  'commit p50, 1,500/s': { bar: { atMost: 80 }, peer: 'CometBFT 81' },
  'commit p50, RPC flooded': { bar: { atMostOfFloor: 1.2 } },
  sustained: { bar: { atLeast: 3000 }, peer: 'CometBFT 2,950' },
  'processor a transaction, saturated': { bar: { atMost: 0.6 }, peer: 'CometBFT 0.66-1.1' },
  'commit p99, overloaded': { bar: { atMost: 10_000 } },
  'RSS a node, overloaded': { bar: { atMost: 400 }, peer: 'CometBFT 278-590' },
};

/** Sealed segments of 65,536 rows and more, durable batches of records of 100 bytes, and a partition of 10 M of them. */
const STORE: Readonly<Record<string, Expectation>> = {
  'single durable append p99': { bar: { atMostOfFloor: 1.6 } },
  'native, batches of 1,000: CPU a record': { bar: { atMostOfFloor: 3 } },
  'native, batches of 8,192: durable': { bar: { atLeast: 1.5e6 } },
  'native, 600 partitions at once: share of one': { bar: { atLeast: 0.8 } },
  'sequencer, runs of 1,024': { bar: { atLeast: 100e6 } },
  'sequencer, reserved ids, TypeScript': { bar: { atLeast: 5e6 } },
  'sequencer, reads and stats at open': { bar: { atMost: 1 } },
  'large partition, open after a clean stop': { bar: { atMost: 100 } },
  'large partition, open after kill -9': { bar: { atMost: 2000 } },
  'large partition, lookup by key': { bar: { atMost: 2 } },
  'large partition, a record beyond its payload': { bar: { atMost: 128 } },
  'store, a remembered record beyond its payload': { bar: { atMost: 128 } },
  'soak, peak memory of the later half': { bar: { atMostOfFloor: 1.25 } },
  'memory to open 1 M Arrow rows': { bar: { atMost: 20 } },
  'segment scanned': { bar: { atLeast: 1 } },
  'segment lookup by key': { bar: { atMost: 2000 } },
  'segment filter, wrong answers': { bar: { atMost: 0.4 } },
  'segment filter, a key': { bar: { atMost: 10 } },
  'segment perfect hash, a key': { bar: { atMost: 3 } },
  'segment, a record beyond its payload': { bar: { atMost: 128 } },
  'Parquet to payload': { bar: { atMost: 0.4 } },
  'processor a record of a batch of 1,000, to classic-level': { bar: { atMostOfFloor: 0.125 } },
  'processor a record of a batch of 1,000, to append + BLAKE3': { bar: { atMostOfFloor: 3 } },
};

const EXPECTATIONS: Readonly<Record<BenchName, Readonly<Record<string, Expectation>>>> = {
  log: LOG,
  notary: NOTARY,
  state: STATE,
  consensus: CONSENSUS,
  store: STORE,
  cluster: CLUSTER,
};

export function expectation(bench: BenchName, metric: string): Expectation {
  return EXPECTATIONS[bench][metric] ?? {};
}

/** Metrics that carry a bar: what a run must contain to have shown anything. */
export function barred(bench: BenchName): string[] {
  return Object.keys(EXPECTATIONS[bench]);
}
