import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseSafe } from '../../base/decimal.ts';
import { dataDirPaths, isDataDir } from '../../node/index.ts';
import {
  checkStore,
  type ExportForm,
  exportStore,
  type OffsetRange,
  type RepairCallOptions,
  rebuildStoreIndex,
  repairStore,
  type StoreFigures,
  type StoreFinding,
  type StoreRepair,
  type StoreReport,
  storeFigures,
} from '../../storage/index.ts';
import type { Context } from '../context.ts';
import { type DataDirFlags, dataDirOf } from '../data-dir.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { bytesText } from '../progress.ts';
import { StageProgress } from '../stage-progress.ts';

export interface RepairFlags extends DataDirFlags {
  readonly dryRun?: boolean;
}

export interface ExportFlags extends DataDirFlags {
  readonly partition: string;
  readonly from?: string;
  readonly to?: string;
  readonly format: ExportForm;
}

/** `pyralog db check`: fails when anything but notes is found. */
export async function dbCheck(context: Context, flags: DataDirFlags): Promise<ExitCode> {
  const dir = await storeOf(context, flags);
  const report = await watched(context, 'bytes', (options) => checkStore(dir, options));
  printReport(context, report);
  context.answer({ ok: report.clean, store: dir, ...report });
  return report.clean ? EXIT.ok.code : EXIT.failed.code;
}

/** `pyralog db repair`: fails when a check still finds something afterwards, or would after a dry run. */
export async function dbRepair(context: Context, flags: RepairFlags): Promise<ExitCode> {
  const dir = await storeOf(context, flags);
  const dryRun = flags.dryRun === true;
  const done = await watched(context, 'bytes', (options) =>
    repairStore(dir, { ...options, dryRun }),
  );
  return repaired(context, dir, done);
}

/** `pyralog db rebuild-index`. */
export async function dbRebuildIndex(context: Context, flags: DataDirFlags): Promise<ExitCode> {
  const dir = await storeOf(context, flags);
  const done = await watched(context, 'bytes', (options) => rebuildStoreIndex(dir, options));
  return repaired(context, dir, done);
}

/** `pyralog db stats`. */
export async function dbStats(context: Context, flags: DataDirFlags): Promise<ExitCode> {
  const dir = await storeOf(context, flags);
  const figures = await watched(context, 'bytes', (options) => storeFigures(dir, options));
  const { walFiles, walBytes, manifestBytes, version } = figures;
  context.print(`write-ahead log: ${bytesText(walBytes)} in ${walFiles} files`);
  context.print(`manifest: version ${version}, ${bytesText(manifestBytes)}`);
  for (const partition of figures.partitions) printPartition(context, partition);
  if (figures.refused !== null) context.print(`for reading only: ${figures.refused}`);
  context.answer({ ok: true, store: dir, ...figures });
  return EXIT.ok.code;
}

/** `pyralog db export OUT`. */
export async function dbExport(
  context: Context,
  out: string,
  flags: ExportFlags,
): Promise<ExitCode> {
  const wanted = {
    partition: numberOf(flags.partition, '--partition'),
    from: numberOf(flags.from ?? '0', '--from'),
    to: flags.to === undefined ? undefined : numberOf(flags.to, '--to'),
    form: flags.format,
    out: resolve(context.workingDir, out),
  };
  const dir = await storeOf(context, flags);
  const done = await watched(context, 'records', (options) => exportStore(dir, wanted, options));
  context.print(`${done.records} records of ${done.origin} in ${done.files.length} files: ${out}`);
  if (done.unreadable.length > 0) {
    context.print(`offsets ${rangesText(done.unreadable)} cannot be read: ${done.reason ?? ''}`);
  }
  if (done.damage !== null) {
    context.print(`records behind offset ${done.to} may be missing: ${done.damage}`);
  }
  const whole = done.unreadable.length === 0 && done.damage === null;
  context.answer({ ok: whole, store: dir, out: wanted.out, ...done });
  return whole ? EXIT.ok.code : EXIT.partial.code;
}

/** The store of a data directory, or the directory itself where it is one. */
async function storeOf(context: Context, flags: DataDirFlags): Promise<string> {
  const dir = await dataDirOf(context, flags);
  if (!existsSync(dir)) throw cliError('cli/usage', `${dir} does not exist; name one with --dir`);
  return isDataDir(dir) || !existsSync(join(dir, 'wal')) ? dataDirPaths(dir).store : dir;
}

async function watched<T>(
  context: Context,
  unit: 'bytes' | 'records',
  run: (options: RepairCallOptions) => Promise<T>,
): Promise<T> {
  const progress = new StageProgress(context, unit);
  try {
    return await run({ signal: context.signal, onProgress: (now) => progress.show(now) });
  } finally {
    progress.end();
  }
}

function repaired(context: Context, dir: string, done: StoreRepair): ExitCode {
  for (const { file, done: what, aside, unreadable } of done.acts) {
    const kept = aside === null ? '' : `; what was there is ${aside} now`;
    const lost = unreadable.length === 0 ? '' : `; offsets ${rangesText(unreadable)}`;
    context.print(`${file}: ${what}${lost}${kept}`);
  }
  const left = done.dryRun ? done.after.findings.filter(isLeft) : [];
  const ok = done.dryRun ? left.length === 0 : done.after.clean;
  if (done.acts.length === 0) context.print(ok ? 'nothing to repair' : 'nothing can be repaired');
  for (const finding of left) printFinding(context, finding);
  if (left.length > 0) context.print('not sound: a repair would leave this');
  if (!done.dryRun) printReport(context, done.after);
  context.answer({ ok, store: dir, ...done });
  return ok ? EXIT.ok.code : EXIT.failed.code;
}

/** Whether a repair would leave it as it is: what is mended or quarantined is among its acts. */
function isLeft({ severity, repairable }: StoreFinding): boolean {
  return severity !== 'note' && !repairable;
}

function printReport(context: Context, report: StoreReport): void {
  for (const finding of report.findings) printFinding(context, finding);
  for (const { origin, partition, records, signed } of report.partitions) {
    context.print(`partition ${partition}, ${origin}: ${records} records, signed up to ${signed}`);
  }
  if (report.refused !== null) context.print(`a node would not write to it: ${report.refused}`);
  const verdict = report.clean ? 'sound' : 'not sound';
  context.print(`${verdict}: ${bytesText(report.bytes)} read`);
}

function printFinding(context: Context, finding: StoreFinding): void {
  const { severity, file, partition, offsets, what, advice } = finding;
  const where = partition === null ? '' : ` (partition ${partition})`;
  const lost = offsets.length === 0 ? '' : `; offsets ${rangesText(offsets)}`;
  const place = file === '.' ? 'the store' : file;
  context.print(`${severity.padEnd(8)} ${place}${where}: ${what}${lost}`);
  if (advice !== '') context.print(`         ${advice}`);
}

function printPartition(context: Context, figures: StoreFigures['partitions'][number]): void {
  const { partition, origin, records, sealed, hot, cold, sealPoints } = figures;
  context.print(`partition ${partition}, ${origin}`);
  context.print(`  ${records} records, ${sealed} of them sealed in ${sealPoints.length} segments`);
  for (const [name, held] of Object.entries({ hot, cold })) {
    if (held.segments === 0) continue;
    const { rows, bytes, payloadBytes } = held;
    context.print(
      `  ${name}: ${rows} rows, ${bytesText(bytes)}, payload ${bytesText(payloadBytes)}`,
    );
  }
  const { sideBytes, nodeBytes, snapshotBytes, leavesBytes } = figures;
  context.print(
    `  sidecars ${bytesText(sideBytes)}, node files ${bytesText(nodeBytes)}, snapshots ${bytesText(snapshotBytes)}, leaf hashes of rows that are gone ${bytesText(leavesBytes)}`,
  );
  if (figures.overheadBytesPerRecord !== null) {
    context.print(
      `  ${figures.overheadBytesPerRecord.toFixed(1)} B a sealed record beside payload`,
    );
  }
  context.print(
    `  duplicates are known for ${figures.dedupWindowMs / 3_600_000} h, at most ${figures.dedupRecords} records`,
  );
  if (figures.quarantined.length > 0) {
    context.print(`  quarantined: offsets ${rangesText(figures.quarantined)}`);
  }
}

function rangesText(ranges: readonly OffsetRange[]): string {
  return ranges.map(({ from, to }) => (to === from + 1 ? from : `${from} to ${to - 1}`)).join(', ');
}

function numberOf(text: string, name: string): number {
  const value = parseSafe(text);
  if (value === undefined) throw cliError('cli/usage', `${name} ${text}: not a number`);
  return value;
}
