import { type Devnet, type NodeStatus, readStatus } from '../../devnet/index.ts';
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
      return row(node, { state: states.get(node.name) ?? 'stopped', rate });
    });
    // Everything ends: what is silent by then says nothing about what it had.
    if (stopped || devnet.nodes().every(({ state }) => state === 'stopped')) return;
    if (process.stdout.isTTY) {
      if (drawn > 0) process.stdout.write(`\u001b[${drawn}A\u001b[J`);
      process.stdout.write(`${[HEAD, ...rows].join('\n')}\n`);
      drawn = rows.length + 1;
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

const HEAD =
  'node       state     height   finality  peers  receipts/s    records      final  waiting';

function row(node: NodeStatus, { state, rate }: { state: string; rate: number }): string {
  const seconds = node.finalitySeconds;
  const finality = seconds === undefined ? '-' : `${Math.round(seconds * 1_000)} ms`;
  const cells: readonly (readonly [string | number | bigint, number])[] = node.answers
    ? [
        [node.height, 8],
        [finality, 10],
        [node.peers, 6],
        [Math.round(rate), 11],
        [node.records, 10],
        [node.anchored, 10],
        [node.mempool, 8],
      ]
    : [['does not answer', 16]];
  const right = cells.map(([value, width]) => String(value).padStart(width)).join(' ');
  return `${node.name.padEnd(10)} ${state.padEnd(8)} ${right}`;
}

/** Heights move by themselves; what a log of a devnet wants to say is records and trouble. */
function summary(status: readonly NodeStatus[]): string {
  const silent = status.filter(({ answers }) => !answers).map(({ name }) => name);
  const records = status.reduce((sum, node) => sum + node.records, 0n);
  const final = status.reduce((sum, node) => sum + node.anchored, 0n);
  const trouble = silent.length === 0 ? '' : `, silent: ${silent.join(', ')}`;
  return `records ${records}, final ${final}${trouble}`;
}
