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
  /** Of a member of a cluster. */
  readonly cluster?: MemberStatus;
}

/** A member's part in its cluster, as it sees it. */
export interface MemberStatus {
  readonly leads: boolean;
  readonly epoch: bigint;
  readonly linksUp: number;
  readonly links: number;
  /** Why something is not well. */
  readonly problem?: string;
}

/** Asks every node of a devnet for what its screen shows; one that is silent is shown so. */
export async function readStatus(file: DevnetFile): Promise<NodeStatus[]> {
  const isCluster = file.isCluster === true;
  return Promise.all(
    file.nodes.map(async ({ name, admin, dataDir }) => {
      const token = readAdminToken(dataDirPaths(dataDir));
      const ask = async (method: string) => {
        const outcome = await callNode(admin, { method, token });
        return outcome?.ok === true ? fieldsOf(outcome.result) : undefined;
      };
      const [said, member] = await Promise.all([
        ask('node_status'),
        isCluster ? ask('cluster_status') : undefined,
      ]);
      if (said === undefined) return silent(name);
      const cluster = member && memberOf(member);
      return { ...statusOf(name, said), ...(cluster === undefined ? {} : { cluster }) };
    }),
  );
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined;
}

function statusOf(name: string, said: Fields): NodeStatus {
  const finalitySeconds = said['finalitySeconds'];
  return {
    name,
    answers: true,
    records: bigintOf(said['records']),
    height: Number(said['height'] ?? 0),
    finalitySeconds: typeof finalitySeconds === 'number' ? finalitySeconds : undefined,
    peers: Number(said['peers'] ?? 0),
    mempool: Number(said['mempool'] ?? 0),
    anchored: bigintOf(said['anchored']),
  };
}

/** What `cluster_status` says of the first log; undefined when it cannot be read. */
function memberOf(said: Fields): MemberStatus | undefined {
  const [partitions, members] = [said['partitions'], said['members']];
  if (!Array.isArray(partitions) || !Array.isArray(members)) return undefined;
  const group = fieldsOf(partitions[0]) ?? {};
  const links = members
    .map((member: unknown) => fieldsOf(member) ?? {})
    .filter((member) => member['self'] !== true);
  const problem = group['problem'];
  return {
    leads: group['leads'] === true,
    epoch: bigintOf(group['epoch']),
    linksUp: links.filter((link) => link['up'] === true).length,
    links: links.length,
    ...(typeof problem === 'string' ? { problem } : {}),
  };
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
