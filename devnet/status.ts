import { dataDirPaths, readAdminToken } from '../node/index.ts';
import { callNode, post } from './admin-call.ts';
import { type DevnetFile, devnetError } from './files.ts';

/** What one line of the devnet's screen shows. Counts are as the node told them, decimal strings read. */
export interface NodeStatus {
  readonly name: string;
  readonly answers: boolean;
  readonly records: bigint;
  readonly height: number;
  /** Seconds from the start of the newest height to its decision. */
  readonly finalitySeconds: number | undefined;
  readonly peers: number;
  readonly mempool: number;
  readonly anchored: bigint;
}

/** Asks every node of a devnet for what its screen shows; one that is silent is shown so. */
export async function readStatus(file: DevnetFile): Promise<NodeStatus[]> {
  return Promise.all(
    file.nodes.map(async ({ name, admin, dataDir }) => {
      const outcome = await callNode(admin, {
        method: 'node_status',
        token: readAdminToken(dataDirPaths(dataDir)),
      });
      const said = outcome?.ok === true ? outcome.result : undefined;
      if (typeof said !== 'object' || said === null) return silent(name);
      const fields: Readonly<Record<string, unknown>> = { ...said };
      const { finalitySeconds } = { finalitySeconds: undefined, ...said };
      return {
        name,
        answers: true,
        records: bigintOf(fields['records']),
        height: Number(fields['height'] ?? 0),
        finalitySeconds: typeof finalitySeconds === 'number' ? finalitySeconds : undefined,
        peers: Number(fields['peers'] ?? 0),
        mempool: Number(fields['mempool'] ?? 0),
        anchored: bigintOf(fields['anchored']),
      };
    }),
  );
}

/** Whether the node at this address answers as one of the log. */
export async function answersAs(rpc: string, origin: string): Promise<boolean> {
  const outcome = await callNode(rpc, { method: 'log_info' });
  if (outcome?.ok !== true) return false;
  const { logs }: { logs?: unknown } = { ...(outcome.result ?? {}) };
  return Array.isArray(logs) && logs.some((log: { origin?: unknown }) => log?.origin === origin);
}

/**
 * Sends an order to the devnet's parent. Throws `devnet/not-running` when it does not answer, `devnet/bad-order` with
 * its reason when it refuses.
 */
export async function sendOrder(
  file: DevnetFile,
  order: { op: string; nodes: readonly string[]; value?: string },
): Promise<unknown> {
  const { url, token } = file.control;
  const headers = { authorization: `Bearer ${token}` };
  const answer = await post(url, order, headers, ORDER_MS_MAX);
  if (typeof answer !== 'object' || answer === null) {
    throw devnetError('devnet/not-running', `the devnet of process ${file.pid} does not answer`);
  }
  const { result, error }: { result?: unknown; error?: { message?: unknown } } = answer;
  if (error !== undefined) throw devnetError('devnet/bad-order', String(error.message));
  return result;
}

/** A dump stops and starts every node. */
const ORDER_MS_MAX = 120_000;

function silent(name: string): NodeStatus {
  return {
    name,
    answers: false,
    records: 0n,
    height: 0,
    finalitySeconds: undefined,
    peers: 0,
    mempool: 0,
    anchored: 0n,
  };
}

function bigintOf(value: unknown): bigint {
  return typeof value === 'string' && /^[0-9]+$/.test(value) ? BigInt(value) : 0n;
}
