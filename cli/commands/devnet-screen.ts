import { type Devnet, type MemberStatus, type NodeStatus, readStatus } from '../../devnet/index.ts';
import type { Context } from '../context.ts';

const REFRESH_MS = 1_000;

/**
 * One screen of state, refreshed every second where the terminal can redraw it; elsewhere a line whenever something
 * has changed.
 */
export function showDevnet(context: Context, devnet: Devnet): { stop(): void } {
  if (context.json) return { stop: () => {} };
  let drawn = 0;
  let shown = '';
  let last: { at: number; records: ReadonlyMap<string, bigint> } | undefined;
  let busy = false;
  let stopped = false;
  void devnet.stopped
    .finally(() => {
      stopped = true;
    })
    .catch(() => {});
  const draw = async () => {
    const status = await readStatus(devnet.file);
    const at = performance.now();
    const seconds = last === undefined ? 1 : (at - last.at) / 1_000;
    const before = last?.records;
    last = { at, records: new Map(status.map(({ name, records }) => [name, records])) };
    const states = new Map(devnet.nodes().map(({ name, state }) => [name, state]));
    const rows = status.map((node) => {
      const rate = Number(node.records - (before?.get(node.name) ?? node.records)) / seconds;
      return { node, state: states.get(node.name) ?? 'stopped', rate };
    });
    // Everything ends: what is silent by then says nothing about what it had.
    if (stopped || devnet.nodes().every(({ state }) => state === 'stopped')) return;
    if (process.stdout.isTTY) {
      if (drawn > 0) process.stdout.write(`\u001b[${drawn}A\u001b[J`);
      const lines = screenOf(rows);
      process.stdout.write(`${lines.join('\n')}\n`);
      drawn = lines.length;
      return;
    }
    const line = summary(status);
    if (line !== shown) context.print(line);
    shown = line;
  };
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    void draw().finally(() => {
      busy = false;
    });
  }, REFRESH_MS);
  return {
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}

/** A node as the screen shows it; `rate` in records a second. */
export interface ScreenRow {
  readonly node: NodeStatus;
  readonly state: string;
  readonly rate: number;
}

const CHAIN_HEAD =
  'node       state     height   finality  peers  receipts/s    records      final  waiting';
const CLUSTER_HEAD = 'node       state    role     epoch  links  receipts/s    records';

/** A line of names, then one a node: of a chain, or of a cluster. */
export function screenOf(rows: readonly ScreenRow[]): string[] {
  const isCluster = rows.some(({ node }) => node.cluster !== undefined);
  return [isCluster ? CLUSTER_HEAD : CHAIN_HEAD, ...rows.map(isCluster ? memberRow : chainRow)];
}

type Cells = readonly (readonly [string | number | bigint, number])[];

function line({ node, state }: ScreenRow, cells: Cells): string {
  const shown: Cells = node.answers ? cells : [['does not answer', 16]];
  const right = shown.map(([value, width]) => String(value).padStart(width)).join(' ');
  return `${node.name.padEnd(10)} ${state.padEnd(8)} ${right}`;
}

function chainRow(row: ScreenRow): string {
  const { node, rate } = row;
  const seconds = node.finalitySeconds;
  return line(row, [
    [node.height, 8],
    [seconds === undefined ? '-' : `${Math.round(seconds * 1_000)} ms`, 10],
    [node.peers, 6],
    [Math.round(rate), 11],
    [node.records, 10],
    [node.anchored, 10],
    [node.mempool, 8],
  ]);
}

function memberRow(row: ScreenRow): string {
  const { node, rate } = row;
  const { leads, epoch, linksUp, links, problem } = node.cluster ?? UNKNOWN;
  const cells = line(row, [
    [roleOf(leads).padEnd(8), 8],
    [epoch, 5],
    [`${linksUp}/${links}`, 6],
    [Math.round(rate), 11],
    [node.records, 10],
  ]);
  return node.answers && problem !== undefined ? `${cells}  ${problem}` : cells;
}

/** Of a member that did not say it this time. */
const UNKNOWN: MemberStatus = { leads: false, epoch: 0n, linksUp: 0, links: 0 };

export function roleOf(leads: boolean): string {
  return leads ? 'leader' : 'follower';
}

/** Heights move by themselves; what a log of a devnet wants to say is records and trouble. */
function summary(status: readonly NodeStatus[]): string {
  const silent = status.filter(({ answers }) => !answers).map(({ name }) => name);
  const records = status.reduce((sum, node) => sum + node.records, 0n);
  const final = status.reduce((sum, node) => sum + node.anchored, 0n);
  const trouble = silent.length === 0 ? '' : `, silent: ${silent.join(', ')}`;
  const leaders = status.filter(({ cluster }) => cluster?.leads === true);
  if (status.some(({ cluster }) => cluster !== undefined)) {
    // Every member has the same records, or will.
    const [most = 0n] = status.map((node) => node.records).sort((a, b) => Number(b - a));
    const leader = leaders.map(({ name, cluster }) => `${name} leads in epoch ${cluster?.epoch}`);
    return `records ${most}, ${leader.join(', ') || 'nobody leads'}${trouble}`;
  }
  return `records ${records}, final ${final}${trouble}`;
}
