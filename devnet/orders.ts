import { cpSync, existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DevnetOrder } from './control.ts';
import { type DevnetPaths, devnetError } from './files.ts';
import type { Fleet } from './fleet.ts';

export const FAULT_ORDERS = [
  'kill',
  'restart',
  'pause',
  'resume',
  'partition',
  'heal',
  'delay',
  'drop',
] as const;

export type FaultOrder = (typeof FAULT_ORDERS)[number];

const DELAY_MS_MAX = 60_000;

/** Carries out what the CLI asks of a running devnet. Throws `devnet/bad-order` for what cannot be done. */
export async function performOrder(
  order: DevnetOrder,
  { fleet, paths }: { fleet: Fleet; paths: DevnetPaths },
): Promise<unknown> {
  const { op, nodes, value } = order;
  if (op === 'status') return fleet.nodes();
  if (op === 'dump') return dump(value, { fleet, paths });
  if (!isFault(op)) throw badOrder(`${op}: not an order; there are ${FAULT_ORDERS.join(', ')}`);
  for (const name of nodes) fleet.peerId(name); // all of them exist, or nothing is done
  await fault(op, { fleet, nodes, value });
  return fleet.nodes();
}

async function fault(
  op: FaultOrder,
  { fleet, nodes, value }: { fleet: Fleet; nodes: readonly string[]; value: string | undefined },
): Promise<void> {
  const each = (act: (name: string) => unknown) => Promise.all(nodes.map(act));
  switch (op) {
    case 'kill':
      await each((name) => fleet.kill(name));
      return;
    case 'restart':
      await each((name) => fleet.restart(name));
      return;
    case 'pause':
      await each((name) => fleet.pause(name));
      return;
    case 'resume':
      await each((name) => fleet.resume(name));
      return;
    case 'partition':
      await partition(fleet, nodes);
      return;
    case 'heal':
      await heal(fleet, nodes);
      return;
    case 'delay': {
      const delayMs = numberOf(value, DELAY_MS_MAX, 'delay: milliseconds');
      await each((name) => fleet.fault(name, { action: 'delay', delayMs }));
      return;
    }
    case 'drop': {
      const rate = numberOf(value, 1, 'drop: a probability');
      await each((name) => fleet.fault(name, { action: 'drop', rate }));
      return;
    }
  }
}

/** Cuts the named nodes off from all others; among themselves they go on to talk. Told to both sides. */
async function partition(fleet: Fleet, nodes: readonly string[]): Promise<void> {
  const all = running(fleet);
  const inside = all.filter((name) => nodes.includes(name));
  const outside = all.filter((name) => !nodes.includes(name));
  if (inside.length === 0 || outside.length === 0) {
    throw badOrder('a partition has running nodes on both sides');
  }
  const cut = (side: readonly string[], others: readonly string[]) =>
    side.map((name) =>
      fleet.fault(name, { action: 'partition', peers: others.map((other) => fleet.peerId(other)) }),
    );
  await Promise.all([...cut(inside, outside), ...cut(outside, inside)]);
}

/** Ends partitions, delays and drops of the named nodes (all, if none is named), on both sides. */
async function heal(fleet: Fleet, nodes: readonly string[]): Promise<void> {
  const all = running(fleet);
  if (nodes.length === 0 || nodes.length === all.length) {
    await Promise.all(all.map((name) => fleet.fault(name, { action: 'clear' })));
    return;
  }
  const peers = nodes.map((name) => fleet.peerId(name));
  await Promise.all(
    all.map((name) =>
      nodes.includes(name)
        ? fleet.fault(name, { action: 'clear' })
        : fleet.fault(name, { action: 'heal', peers }),
    ),
  );
}

function running(fleet: Fleet): string[] {
  return fleet
    .nodes()
    .filter(({ state }) => state === 'running')
    .map(({ name }) => name);
}

/** Copies all data to a directory; the nodes are stopped for it and started again, so the copy is of one moment. */
async function dump(
  target: string | undefined,
  { fleet, paths }: { fleet: Fleet; paths: DevnetPaths },
): Promise<unknown> {
  if (target === undefined) throw badOrder('dump: needs a directory to write to');
  const to = resolve(target);
  refuseFull(to);
  await fleet.stopAll();
  cpSync(paths.nodes, to, { recursive: true, errorOnExist: true, force: false });
  await fleet.startAll();
  return { dumped: to };
}

/** Puts a dump where a devnet's data belong. Throws `devnet/bad-order` when something is there. */
export function loadDump(from: string, paths: DevnetPaths): void {
  if (!existsSync(`${from}/genesis.json`)) {
    throw badOrder(`${from}: not a dump of a devnet (no genesis.json)`);
  }
  refuseFull(paths.nodes);
  cpSync(from, paths.nodes, { recursive: true });
}

function refuseFull(dir: string): void {
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw badOrder(`${dir}: not empty; name a new directory, or remove it`);
  }
}

function numberOf(value: string | undefined, max: number, what: string): number {
  const number = value === undefined || value.trim() === '' ? Number.NaN : Number(value);
  if (number >= 0 && number <= max) return number;
  throw badOrder(`${what} from 0 to ${max}, not ${value ?? 'nothing'}`);
}

function isFault(op: string): op is FaultOrder {
  return FAULT_ORDERS.some((known) => known === op);
}

function badOrder(message: string) {
  return devnetError('devnet/bad-order', message);
}
