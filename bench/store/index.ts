/**
 * `store`: sealed segments and durable batches in the native core (crate `bench`), then the same records into each store
 * of this project and of others, a process each, by turns.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runLines } from '../child.ts';
import { BenchError } from '../errors.ts';
import { buildNativeBench, runNativeBench } from '../native-bench.ts';
import { findKeyValuePeer } from '../peers/key-value/install.ts';
import { median } from '../sample.ts';
import type { BenchContext, Figure } from '../types.ts';
import { benchIds } from './ids.ts';
import { benchTable } from './table.ts';
import {
  KEY_BYTES,
  SUBJECTS,
  type SubjectName,
  VALUE_BYTES,
  type WriteOrder,
  type Written,
} from './types.ts';

const RECORDS = 1000;

interface Turns {
  readonly rounds: number;
  readonly warmBatches: number;
  readonly batches: number;
}

export async function benchStore(context: BenchContext): Promise<void> {
  const { quick, dir, signal, progress, figure, soakMinutes } = context;
  await buildNativeBench(context);
  progress('measuring sealed segments');
  const args = ['--dir', dir, '--segment', ...(quick ? ['--quick'] : [])];
  await runNativeBench(args, signal, figure);
  progress('measuring the native store');
  const native = (part: string, ...more: string[]) => {
    const args = ['--dir', dir, '--store', part, ...more, ...(quick ? ['--quick'] : [])];
    return runNativeBench(args, signal, figure);
  };
  await native('all');
  progress('watching memory');
  const soak = soakMinutes === undefined ? [] : ['--soak', `${Math.round(soakMinutes * 60)}`];
  await native('soak', ...soak);
  progress('taking ids from TypeScript');
  await benchIds(context);
  progress('opening rows from TypeScript');
  await benchTable(context);
  // Segments have 262,144 records (store.md Z2): four while log files are made that are then used again, three more measured.
  const turns = quick
    ? { rounds: 1, warmBatches: 8, batches: 10 }
    : { rounds: 3, warmBatches: 1060, batches: 787 };
  const floor = await floorPerRecord(context);
  await benchSubjects(context, turns, floor);
}

/** Write + fdatasync + BLAKE3 of the bytes of one batch: the least that could do it, in microseconds of processor a record. */
async function floorPerRecord({ dir, signal, progress }: BenchContext): Promise<number> {
  progress('measuring the floor');
  let found: Figure | undefined;
  const bytes = String(RECORDS * (KEY_BYTES + VALUE_BYTES));
  await runNativeBench(['--dir', dir, '--floor', bytes, '--in-flight', '1'], signal, (one) => {
    found = one;
  });
  if (found?.cpuPerOp === undefined || found.cpuPerOp === null)
    throw new BenchError('bench/child-failed', 'the native bench told no floor');
  return found.cpuPerOp / RECORDS;
}

async function benchSubjects(context: BenchContext, turns: Turns, floor: number): Promise<void> {
  const { progress, figure } = context;
  const runs = new Map<SubjectName, Written[]>();
  const packages = await peersOf(context);
  for (let round = 0; round < turns.rounds; round++) {
    for (const [subject, where] of packages) {
      progress(`${subject}, ${round + 1} of ${turns.rounds}`);
      const written = await writeWith(context, {
        subject,
        packages: where,
        warmBatches: turns.warmBatches,
        batches: turns.batches,
      });
      runs.set(subject, [...(runs.get(subject) ?? []), written]);
    }
  }
  const records = turns.batches * RECORDS;
  const cpuOf = (subject: SubjectName) => {
    const found = runs.get(subject);
    return found && median(found.map(({ cpuMicros }) => cpuMicros)) / records;
  };
  const level = cpuOf('classic-level') ?? null;
  for (const [subject, found] of runs) {
    figure({
      metric: `durable batches of 1,000, ${subject}`,
      value: records / median(found.map(({ seconds }) => seconds)),
      unit: 'records/s',
      cpuPerOp: cpuOf(subject) ?? null,
      floor: null,
    });
  }
  const own = cpuOf('log');
  if (own === undefined) return;
  const metric = 'processor a record of a batch of 1,000';
  figure({
    metric: `${metric}, to classic-level`,
    value: own,
    unit: 'us',
    cpuPerOp: own,
    floor: level,
  });
  figure({ metric: `${metric}, to append + BLAKE3`, value: own, unit: 'us', cpuPerOp: own, floor });
}

/** Stores that can be run here, with the folder of their package; says which cannot. */
async function peersOf(context: BenchContext): Promise<Map<SubjectName, string>> {
  const found = new Map<SubjectName, string>();
  for (const subject of SUBJECTS) {
    if (subject !== 'lmdb' && subject !== 'rocksdb') {
      found.set(subject, '');
      continue;
    }
    const peer = await findKeyValuePeer(subject, context);
    if ('packages' in peer) found.set(subject, peer.packages);
    else context.progress(`${subject}: not installed (${peer.missing})`);
  }
  return found;
}

async function writeWith(
  { dir, signal }: BenchContext,
  order: Omit<WriteOrder, 'dir' | 'records'>,
): Promise<Written> {
  const place = join(dir, order.subject);
  await mkdir(place, { recursive: true });
  try {
    let answer: Written | undefined;
    const main = fileURLToPath(new URL('child-main.ts', import.meta.url));
    const args = [main, JSON.stringify({ ...order, dir: place, records: RECORDS })];
    await runLines({ command: process.execPath, args }, signal, (line) => {
      answer = JSON.parse(line) as Written;
    });
    if (answer === undefined)
      throw new BenchError('bench/child-failed', `${order.subject} told no figures`);
    return answer;
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
