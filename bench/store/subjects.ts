/** The stores under test behind one face. Each makes a batch durable before it answers. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { encodeProposal, openLevelKeyValue, openLsmKeyValue } from '../../storage/index.ts';
import { openBenchCore } from '../bench-core.ts';
import { BenchError } from '../errors.ts';
import type { BenchRecord, Subject, SubjectName, WriteOrder } from './types.ts';

const OUTCOME_BYTES = 40;
const LMDB_BYTES_MAX = 8 * 2 ** 30;

export async function openSubject({ subject, dir, packages }: WriteOrder): Promise<Subject> {
  return await OPENERS[subject](dir, packages);
}

type Opener = (dir: string, packages: string) => Promise<Subject>;

const OPENERS: Readonly<Record<SubjectName, Opener>> = {
  log: openLog,
  lsm: async (dir) => keyValue(await openLsmKeyValue(dir)),
  'classic-level': async (dir) => keyValue(await openLevelKeyValue(dir)),
  lmdb: openLmdb,
  rocksdb: openRocksDb,
};

/** A partition of the native log: what {@link BenchRecord} means there also gets an id, a leaf and a place in the trees. */
async function openLog(dir: string): Promise<Subject> {
  const core = await openBenchCore(dir);
  return {
    prepare(records) {
      const proposal = encodeProposal(
        records.map(({ key, value }) => ({ schemaId: 0, key, value, submitter: '' })),
      );
      return async () => {
        const { outcomes } = await core.propose(0, proposal, { wait: 'durable', paths: false });
        if (outcomes.length !== records.length * OUTCOME_BYTES || outcomes[0] !== 0)
          throw new BenchError('bench/wrong-answer', 'a new batch was not answered as new');
      };
    },
    close: () => core.close(),
  };
}

function keyValue(store: Awaited<ReturnType<typeof openLevelKeyValue>>): Subject {
  return {
    prepare(records) {
      const ops = records.map(({ key, value }) => ({ kind: 'put', key, value }) as const);
      return () => store.batch(ops);
    },
    close: () => store.close(),
  };
}

/** The few calls of package `lmdb` that are used. */
interface Lmdb {
  open(options: object): {
    transaction(task: () => void): Promise<unknown>;
    put(key: Uint8Array, value: Uint8Array): unknown;
    readonly flushed: Promise<unknown>;
    close(): Promise<void>;
  };
}

async function openLmdb(dir: string, packages: string): Promise<Subject> {
  const lmdb = packageOf(packages, 'lmdb') as Lmdb;
  const store = lmdb.open({
    path: dir,
    keyEncoding: 'binary',
    encoding: 'binary',
    mapSize: LMDB_BYTES_MAX,
    overlappingSync: false,
  });
  return {
    prepare: (records) => async () => {
      await store.transaction(() => {
        for (const { key, value } of records) store.put(key, value);
      });
      await store.flushed;
    },
    close: () => store.close(),
  };
}

/** The few calls of package `rocksdb` (an abstract-leveldown) that are used. */
type RocksDb = (dir: string) => {
  open(done: (error?: Error) => void): void;
  batch(ops: object[], options: { sync: boolean }, done: (error?: Error) => void): void;
  close(done: (error?: Error) => void): void;
};

async function openRocksDb(dir: string, packages: string): Promise<Subject> {
  const store = (packageOf(packages, 'rocksdb') as RocksDb)(dir);
  const told = (call: (done: (error?: Error) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      call((error) => (error ? reject(error) : resolve()));
    });
  await told((done) => store.open(done));
  return {
    prepare: (records: readonly BenchRecord[]) => {
      const ops = records.map(({ key, value }) => ({
        type: 'put',
        key: Buffer.from(key),
        value: Buffer.from(value),
      }));
      return () => told((done) => store.batch(ops, { sync: true }, done));
    },
    close: () => told((done) => store.close(done)),
  };
}

function packageOf(packages: string, name: string): unknown {
  return createRequire(join(packages, 'package.json'))(name);
}
