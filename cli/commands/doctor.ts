import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { PyralogError } from '../../base/errors.ts';
import { findDevnet, readStatus } from '../../devnet/index.ts';
import {
  idleValidator,
  idleValidatorText,
  isDataDir,
  keyPath,
  openDataDir,
  readKeySummary,
} from '../../node/index.ts';
import type { Context } from '../context.ts';
import { type DataDirFlags, dataDirOf } from '../data-dir.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { bytesText } from '../progress.ts';
import { findTrustFile, readTrustFile } from '../trust-file.ts';
import { ROOT, versionLine } from '../version.ts';

type State = 'ok' | 'warning' | 'failed';

interface Finding {
  readonly check: string;
  readonly state: State;
  readonly detail: string;
}

const SUPPORTED = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'win32-x64'];
const FREE_BYTES_MIN = 1 << 30;
const SYNCS = 64;
/** Nothing was notarized before this software existed; a clock before it is wrong. */
const EARLIEST = Date.UTC(2026, 0, 1);

/** `pyralog doctor`: one line a check; fails when one does. */
export async function doctor(context: Context, flags: DataDirFlags): Promise<ExitCode> {
  const dir = await dataDirOf(context, flags);
  const checks: (() => Finding | Promise<Finding>)[] = [
    () => ({ check: 'version', state: 'ok', detail: versionLine() }),
    platform,
    node,
    () => tool('rust', 'cargo'),
    nativeBuild,
    clock,
    () => disk(existsSync(dir) ? dir : context.workingDir),
    () => syncLatency(existsSync(dir) ? dir : context.workingDir),
    () => dataDir(dir),
    () => voteKey(dir),
    () => trust(context),
    () => devnet(context),
  ];
  const findings: Finding[] = [];
  for (const check of checks) {
    const finding = await check();
    findings.push(finding);
    context.print(`${finding.state.padEnd(7)} ${finding.check}: ${finding.detail}`);
  }
  const failed = findings.some(({ state }) => state === 'failed');
  context.answer({ ok: !failed, findings });
  return failed ? EXIT.failed.code : EXIT.ok.code;
}

function platform(): Finding {
  const name = `${process.platform}-${process.arch}`;
  const known = SUPPORTED.includes(name);
  return {
    check: 'platform',
    state: known ? 'ok' : 'warning',
    detail: known ? name : `${name} is not among ${SUPPORTED.join(', ')}`,
  };
}

function node(): Finding {
  const ok = process.versions.node.startsWith('24.');
  return { check: 'node', state: ok ? 'ok' : 'failed', detail: process.versions.node };
}

function tool(check: string, command: string): Finding {
  try {
    const detail = execFileSync(command, ['--version'], { encoding: 'utf8' }).trim();
    return { check, state: 'ok', detail };
  } catch {
    return { check, state: 'warning', detail: `${command} not found; needed only to build` };
  }
}

function nativeBuild(): Finding {
  const path = join(ROOT, 'native', 'pyralog.node');
  if (!existsSync(path)) {
    return {
      check: 'native core',
      state: 'failed',
      detail: 'not built; npm run bootstrap builds it',
    };
  }
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
  return { check: 'native core', state: 'ok', detail: `sha256 ${hash}` };
}

function clock(): Finding {
  const now = Date.now();
  const detail = new Date(now).toISOString();
  return now > EARLIEST
    ? { check: 'clock', state: 'ok', detail }
    : { check: 'clock', state: 'failed', detail: `${detail} is in the past: set the clock` };
}

function disk(dir: string): Finding {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  const state = free >= FREE_BYTES_MIN ? 'ok' : 'warning';
  return { check: 'disk', state, detail: `${bytesText(free)} free at ${dir}` };
}

/** Median and worst time of a small synced write, which bounds what `durable` costs. */
function syncLatency(dir: string): Finding {
  const check = 'fdatasync';
  let place: string;
  try {
    place = mkdtempSync(join(dir, '.doctor-'));
  } catch (error) {
    return { check, state: 'failed', detail: `${dir} cannot be written: ${String(error)}` };
  }
  try {
    const file = openSync(join(place, 'sync'), 'w');
    const times = Array.from({ length: SYNCS }, () => {
      const started = performance.now();
      writeSync(file, Buffer.alloc(4_096), 0, 4_096, 0);
      fdatasyncSync(file);
      return performance.now() - started;
    }).sort((a, b) => a - b);
    closeSync(file);
    const [median = 0, worst = 0] = [times[SYNCS / 2], times.at(-1)];
    const state = median < 20 ? 'ok' : 'warning';
    return { check, state, detail: `median ${median.toFixed(2)} ms, worst ${worst.toFixed(2)} ms` };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function dataDir(dir: string): Finding {
  const check = 'data directory';
  if (!isDataDir(dir)) return { check, state: 'ok', detail: `none at ${dir} yet` };
  try {
    const { networkId, paths } = openDataDir(dir);
    const { name } = readKeySummary(join(paths.keys, 'cosigning.json'));
    const hint = 'pyralog db check reads every file of it, while the node is stopped';
    return { check, state: 'ok', detail: `${dir}, network ${networkId}, key of ${name}; ${hint}` };
  } catch (error) {
    if (error instanceof PyralogError) return { check, state: 'failed', detail: error.message };
    throw error;
  }
}

/** A validator of genesis that follows the chain without voting is missed by everybody and by itself. */
function voteKey(dir: string): Finding {
  const check = 'vote key';
  if (!isDataDir(dir)) return { check, state: 'ok', detail: 'not needed yet' };
  try {
    const { genesis, paths } = openDataDir(dir);
    const [vote, transaction] = ['vote', 'transaction'].map((purpose) => {
      const path = keyPath(paths, purpose);
      return existsSync(path) ? readKeySummary(path) : undefined;
    });
    const idle = idleValidator(genesis, { vote, account: transaction?.publicKey });
    if (idle !== undefined) return { check, state: 'warning', detail: idleValidatorText(idle) };
    return { check, state: 'ok', detail: vote === undefined ? 'none, none needed' : vote.name };
  } catch (error) {
    if (error instanceof PyralogError) return { check, state: 'failed', detail: error.message };
    throw error;
  }
}

function trust(context: Context): Finding {
  const path = findTrustFile(context, undefined);
  if (path === undefined) return { check: 'trust store', state: 'warning', detail: 'none' };
  try {
    const { policies } = readTrustFile(path);
    return { check: 'trust store', state: 'ok', detail: `${path}, ${policies.length} policies` };
  } catch (error) {
    if (!(error instanceof PyralogError)) throw error;
    return { check: 'trust store', state: 'failed', detail: error.message };
  }
}

async function devnet(context: Context): Promise<Finding> {
  const file = findDevnet(context.workingDir);
  if (file === undefined) return { check: 'devnet', state: 'ok', detail: 'none running here' };
  const nodes = await readStatus(file);
  const silent = nodes.filter(({ answers }) => !answers).map(({ name }) => name);
  return silent.length > 0
    ? { check: 'devnet', state: 'failed', detail: `${silent.join(', ')} of ${file.rpc} silent` }
    : { check: 'devnet', state: 'ok', detail: `${file.rpc}, ${nodes.length} nodes answer` };
}
