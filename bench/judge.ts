/** From a figure to a line: held against its bar, and printed. */
import { expectation } from './bars.ts';
import type { Bar, BenchName, Figure, Metric } from './types.ts';

export function judge(bench: BenchName, figure: Figure, load: number): Metric {
  const { bar, peer } = expectation(bench, figure.metric);
  return {
    bench,
    ...figure,
    peer: figure.peer ?? peer ?? null,
    bar: bar === undefined ? null : describeBar(bar),
    met: bar === undefined ? null : isMet(bar, figure),
    load: Math.round(load * 100) / 100,
  };
}

/** A bar on the floor is missed where there is no floor: what was not measured was not shown. */
function isMet(bar: Bar, { value, floor }: Figure): boolean {
  if ('atLeast' in bar) return value >= bar.atLeast;
  if ('atMost' in bar) return value <= bar.atMost;
  if (floor === null || !(floor > 0)) return false;
  if ('atLeastOfFloor' in bar) return value >= bar.atLeastOfFloor * floor;
  return value <= bar.atMostOfFloor * floor;
}

function describeBar(bar: Bar): string {
  if ('atLeast' in bar) return `>= ${formatNumber(bar.atLeast)}`;
  if ('atMost' in bar) return `<= ${formatNumber(bar.atMost)}`;
  if ('atLeastOfFloor' in bar) return `>= ${bar.atLeastOfFloor * 100} % of floor`;
  return `<= ${bar.atMostOfFloor} x floor`;
}

const COLUMNS: readonly (readonly [
  title: string,
  width: number,
  text: (metric: Metric) => string,
])[] = [
  ['bench', -6, ({ bench }) => bench],
  ['metric', -46, ({ metric }) => metric],
  ['value', 11, ({ value }) => formatNumber(value)],
  ['unit', -10, ({ unit }) => unit],
  ['cpu us/op', 9, ({ cpuPerOp }) => (cpuPerOp === null ? '-' : formatNumber(cpuPerOp))],
  ['floor', 11, ({ floor }) => (floor === null ? '-' : formatNumber(floor))],
  ['of floor', 8, share],
  ['peer', -15, ({ peer }) => peer ?? '-'],
  ['bar', -15, ({ bar }) => bar ?? 'no bar'],
  ['met', -6, ({ met }) => (met === null ? '-' : met ? 'met' : 'MISSED')],
  ['load', 5, ({ load }) => load.toFixed(2)],
];

export function tableHead(): string {
  return row(([title]) => title);
}

export function tableRow(metric: Metric): string {
  return row(([, , text]) => text(metric));
}

/** A negative width means left-aligned. */
function row(cell: (column: (typeof COLUMNS)[number]) => string): string {
  const cells = COLUMNS.map((column) =>
    column[1] < 0 ? cell(column).padEnd(-column[1]) : cell(column).padStart(column[1]),
  );
  return cells.join('  ').trimEnd();
}

function share({ value, floor }: Metric): string {
  return floor === null || !(floor > 0) ? '-' : (value / floor).toFixed(2);
}

/** Three digits or more, thousands separated. */
export function formatNumber(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 4) });
}
