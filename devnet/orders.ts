import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { readGenesis } from '../node/index.ts';
import type { DevnetOrder } from './control.ts';
import { type DevnetPaths, devnetError } from './files.ts';
import type { Fleet, NodeState } from './fleet.ts';

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
const DECIMAL = /^\d+(\.\d+)?$/;

/** Carries out what the CLI asks of a running devnet. Throws `devnet/bad-order` for what cannot be done. */
export async function performOrder(
  order: DevnetOrder,
  { fleet, paths }: { fleet: Fleet; paths: DevnetPaths },
): Promise<unknown> {
  const { op, value } = order;
  const nodes = [...new Set(order.nodes)]; // named twice is meant once: two starts of one directory would fight over it
  if (op === 'status') return fleet.nodes();
  if (op === 'dump') return dump(value, { fleet, paths });
  if (!isFault(op)) throw badOrder(`${op}: not an order; there are ${FAULT_ORDERS.join(', ')}`);
  for (const name of nodes) fleet.peerId(name); // all of them exist, or nothing is done
  if (op === 'heal') return { later: await heal(fleet, nodes) };
  await fault(op, { fleet, nodes, value });
  return { later: [] };
}

async function fault(
  op: Exclude<FaultOrder, 'heal'>,
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
  const all = inState(fleet, ['running']);
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

/**
 * Ends partitions, delays and drops of the named nodes (all, if none is named), on both sides. Those that are paused hear
 * of it when they are resumed; their names are given back.
 */
async function heal(fleet: Fleet, nodes: readonly string[]): Promise<string[]> {
  const all = inState(fleet, ['running', 'paused']);
  const isWhole = nodes.length === 0 || all.every((name) => nodes.includes(name));
  const peers = nodes.map((name) => fleet.peerId(name));
  const heard = await Promise.all(
    all.map((name) => {
      const cleared = isWhole || nodes.includes(name);
      return fleet.faultOrLater(name, cleared ? { action: 'clear' } : { action: 'heal', peers });
    }),
  );
  return all.filter((_, i) => heard[i] === false);
}

function inState(fleet: Fleet, states: readonly NodeState[]): string[] {
  return fleet
    .nodes()
    .filter(({ state }) => states.includes(state))
    .map(({ name }) => name);
}

/**
 * Copies all data to a directory. The nodes that run are stopped for it and started again, so the copy is of one moment;
 * they are started again also when the copy fails, of which nothing is left then.
 */
async function dump(
  target: string | undefined,
  { fleet, paths }: { fleet: Fleet; paths: DevnetPaths },
): Promise<unknown> {
  if (target === undefined) throw badOrder('dump: needs a directory to write to');
  const to = resolve(target);
  refuseFull(to);
  if (`${to}${sep}`.startsWith(`${paths.nodes}${sep}`)) {
    throw badOrder(`${to}: lies inside the data that is to be copied; name a directory elsewhere`);
  }
  try {
    // Not recursive: where nothing can be made, as in /proc, Node would try for ever.
    if (!existsSync(to)) mkdirSync(to);
  } catch (error) {
    throw badOrder(`${to}: cannot be made (${messageOf(error)})`);
  }
  const names = fleet
    .nodes()
    .filter(({ pid }) => pid !== 0)
    .map(({ name }) => name);
  await fleet.stopAll();
  try {
    cpSync(paths.nodes, to, { recursive: true });
  } catch (error) {
    rmSync(to, { recursive: true, force: true });
    throw badOrder(`${to}: not written (${messageOf(error)}); the nodes go on`);
  } finally {
    await fleet.startAll(names);
  }
  return { dumped: to };
}

/** Puts a dump where a devnet's data belong; gives its number of validators. Throws `devnet/bad-order` when something is there. */
export function loadDump(from: string, paths: DevnetPaths): number {
  if (!existsSync(`${from}/genesis.json`)) {
    throw badOrder(`${from}: not a dump of a devnet (no genesis.json)`);
  }
  const validators = validatorsOf(`${from}/genesis.json`);
  refuseFull(paths.nodes);
  try {
    cpSync(from, paths.nodes, { recursive: true });
  } catch (error) {
    rmSync(paths.nodes, { recursive: true, force: true });
    throw badOrder(`${paths.nodes}: not loaded (${messageOf(error)})`);
  }
  return validators;
}

/** Read before anything is copied: what a devnet cannot start with must not stand in its way. */
function validatorsOf(genesis: string): number {
  try {
    return readGenesis(genesis).chain?.validators.length ?? 0;
  } catch (error) {
    throw badOrder(
      `${genesis}: no genesis (${messageOf(error)}); name a directory made by \`pyralog devnet dump\``,
    );
  }
}

function refuseFull(dir: string): void {
  if (!existsSync(dir)) return;
  if (!statSync(dir).isDirectory()) throw badOrder(`${dir}: is no directory`);
  if (readdirSync(dir).length === 0) return;
  throw badOrder(`${dir}: not empty; name a new directory, or remove it`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function numberOf(value: string | undefined, max: number, what: string): number {
  const number = value !== undefined && DECIMAL.test(value) ? Number(value) : Number.NaN;
  if (number <= max) return number;
  throw badOrder(`${what} from 0 to ${max}, not ${value ?? 'nothing'}`);
}

function isFault(op: string): op is FaultOrder {
  return FAULT_ORDERS.some((known) => known === op);
}

function badOrder(message: string) {
  return devnetError('devnet/bad-order', message);
}
