/** What another process uses. From `/proc`, or from `ps` where there is none (its processor time is coarse). */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { BenchError } from './errors.ts';

const run = promisify(execFile);
const PROC = existsSync('/proc/self/stat');
/** USER_HZ: fixed by the Linux ABI, whatever the kernel's own tick is. */
const TICKS_PER_SECOND = 100;

/** Resident set in MB (10^6 bytes). */
export async function rssMb(pid: number): Promise<number> {
  const kib = PROC
    ? /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]
    : (await run('ps', ['-o', 'rss=', '-p', String(pid)])).stdout.trim();
  return (positive(kib, pid) * 1024) / 1e6;
}

/** User and system time of all its threads, in microseconds. */
export async function cpuMicros(pid: number): Promise<number> {
  if (!PROC) {
    const time = (await run('ps', ['-o', 'time=', '-p', String(pid)])).stdout.trim();
    return time.split(/[:-]/).reduce((sum, part) => sum * 60 + Number(part), 0) * 1e6;
  }
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name, in parentheses, may hold spaces; behind it user and system time are fields 12 and 13.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
}

function positive(text: string | undefined, pid: number): number {
  const number = Number(text);
  if (!(number > 0))
    throw new BenchError('bench/child-failed', `process ${pid} has no memory: it is gone`);
  return number;
}
