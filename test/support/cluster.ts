/** A cluster of real node processes on this machine, and a load that remembers what it was promised. */
import { strict as assert } from 'node:assert';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MethodResult } from '../../api/index.ts';
import {
  type Client,
  createClient,
  type DigestSubmission,
  RpcError,
  type Submitted,
} from '../../client/index.ts';
import { callNode } from '../../devnet/admin-call.ts';
import {
  type Devnet,
  type DevnetNode,
  type DevnetOptions,
  sendOrder,
  startDevnet,
} from '../../devnet/index.ts';
import { dataDirPaths, readAdminToken } from '../../node/index.ts';

export type ClusterView = MethodResult<'cluster_status'>;

/** Submissions of all clients share it: a key is looked up within a submitter (N1). */
const SUBMITTER = 'load';
/** A call to a node that was killed or stopped meanwhile is given up, and made again to another one. */
const ANSWER_MS_MAX = 3_000;
const PAUSE_MS = 20;
/** A client asks the same member so many times, unless it is not answered. */
const STAY = 20;

export class TestCluster {
  readonly root: string;
  readonly devnet: Devnet;
  readonly nodes: readonly DevnetNode[];

  private constructor(root: string, devnet: Devnet) {
    this.root = root;
    this.devnet = devnet;
    this.nodes = devnet.file.nodes;
  }

  static async start(
    members: number,
    settings: Readonly<Record<string, string>> = {},
    options: Pick<DevnetOptions, 'route'> = {},
  ): Promise<TestCluster> {
    const root = mkdtempSync(join(tmpdir(), 'pyralog-cluster-'));
    const devnet = await startDevnet({
      root,
      fresh: false,
      validators: 1,
      cluster: members,
      port: 0,
      settings: { logLevel: 'info', ...settings },
      signal: new AbortController().signal,
      ...options,
      onFailure: (name, code, lines) => assert.fail(`${name} ended: ${code}\n${lines.join('\n')}`),
    });
    return new TestCluster(root, devnet);
  }

  get origin(): string {
    return this.devnet.file.origin;
  }

  /** `kill`, `restart`, `pause`, `resume`. */
  async order(op: string, ...nodes: readonly string[]): Promise<void> {
    await sendOrder(this.devnet.file, { op, nodes });
  }

  /** One that asks once; a load asks another member when there is no answer soon. */
  client(name: string, answerMsMax = 60_000): Client {
    const url = this.node(name).rpc;
    return createClient({ url, submitter: SUBMITTER, answerMsMax, retry: { attemptsMax: 1 } });
  }

  /** What a member sees; `undefined` when it does not answer. */
  async view(name: string): Promise<ClusterView | undefined> {
    const { admin, dataDir } = this.node(name);
    return viewAt(admin, dataDir);
  }

  async call(name: string, method: string, params: unknown): Promise<unknown> {
    const { admin, dataDir } = this.node(name);
    const token = readAdminToken(dataDirPaths(dataDir));
    const outcome = await callNode(admin, { method, params, token });
    if (outcome?.ok === true) return outcome.result;
    throw new Error(outcome?.message ?? `${name} does not answer`);
  }

  /** The member that says it leads the log; asks those of `among` until one does. */
  async leader(among: readonly string[] = this.names()): Promise<string> {
    for (;;) {
      const views = await Promise.all(among.map((name) => this.view(name)));
      const epochs = views.map((view) =>
        view?.partitions[0]?.leads === true ? Number(view.partitions[0].epoch) : 0,
      );
      const newest = Math.max(...epochs);
      // A deposed leader may not have heard of it: the newest epoch has one leader.
      const name = among[epochs.indexOf(newest)];
      if (newest > 0 && name !== undefined) return name;
      await pause();
    }
  }

  /** Of the log, as a member sees it. */
  async epoch(name: string): Promise<number> {
    return Number((await this.view(name))?.partitions[0]?.epoch ?? 0);
  }

  names(): string[] {
    return this.nodes.map(({ name }) => name);
  }

  others(name: string): string[] {
    return this.names().filter((other) => other !== name);
  }

  async stop(): Promise<void> {
    this.devnet.stop();
    await this.devnet.stopped;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.root, { recursive: true, force: true });
  }

  node(name: string): DevnetNode {
    return this.nodes.find((node) => node.name === name) ?? assert.fail(`no node ${name}`);
  }
}

/** What the member with this admin port and data directory sees; `undefined` when it does not answer. */
export async function viewAt(admin: string, dataDir: string): Promise<ClusterView | undefined> {
  const token = readAdminToken(dataDirPaths(dataDir));
  const outcome = await callNode(admin, { method: 'cluster_status', token });
  return outcome?.ok === true ? (outcome.result as ClusterView) : undefined;
}

export interface Kept {
  readonly digest: Uint8Array;
  readonly id: bigint;
  readonly offset: number;
}

/** Clients that submit to all members, each until it was answered, and again to the next one when it was not. */
export class ClusterLoad {
  /** What was acknowledged. */
  readonly kept: Kept[] = [];
  readonly #clients: readonly Client[];
  readonly #loops: readonly Promise<void>[];
  /** Of acknowledgements, in order, milliseconds. */
  readonly #times: number[] = [];
  /** Tries of each loop that were not answered. */
  readonly #failed: number[];
  /** Acknowledged, and missing in a linearizable read. */
  readonly #missed: bigint[] = [];
  /** Linearizable reads that were answered. */
  reads = 0;
  #stopped = false;

  constructor(cluster: TestCluster, loops: number) {
    this.#clients = cluster.names().map((name) => cluster.client(name, ANSWER_MS_MAX));
    this.#failed = new Array<number>(loops).fill(0);
    this.#loops = Array.from({ length: loops }, (_, i) => this.#loop(i));
  }

  /** Waits until so many more were acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.kept.length + count;
    while (this.kept.length < goal) await pause();
  }

  /** Waits until every client has tried so many times more in vain. */
  async triedInVain(times: number): Promise<void> {
    const goals = this.#failed.map((count) => count + times);
    while (goals.some((goal, i) => (this.#failed[i] ?? 0) < goal)) await pause();
  }

  /** Longest time without an acknowledgement since `from` (of `performance.now()`), in milliseconds. */
  gapSince(from: number): number {
    const times = [from, ...this.#times.filter((time) => time >= from)];
    return Math.max(0, ...times.slice(1).map((time, i) => time - (times[i] ?? time)));
  }

  /** Ends it; everything that was begun is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    await Promise.all(this.#clients.map((client) => client.close()));
    assert.deepEqual(this.#missed, [], 'a linearizable read missed what was acknowledged before');
  }

  async #loop(number: number): Promise<void> {
    for (let at = number, turn = 1; !this.#stopped; turn++) {
      const { key, digest } = newSubmission();
      const submission = { algorithm: 'sha256', digest, idempotencyKey: key } as const;
      let answer = await this.#ask(at, submission);
      while (answer === undefined) {
        this.#failed[number] = (this.#failed[number] ?? 0) + 1;
        await pause();
        answer = await this.#ask(++at, submission); // the next member, with the same key
      }
      this.kept.push({ digest, id: answer.id, offset: answer.offset });
      this.#times.push(performance.now());
      if (turn % STAY !== 0) continue;
      at++;
      await this.#readElsewhere(at, answer.id);
    }
  }

  /** Whatever a member answers to a linearizable read, it has what was acknowledged before (R14). */
  async #readElsewhere(at: number, id: bigint): Promise<void> {
    const client = this.#clients[at % this.#clients.length] ?? assert.fail('no members');
    try {
      await client.status(id, { read: 'linearizable' });
      this.reads++;
    } catch (error) {
      const code = error instanceof RpcError ? error.code : '';
      if (code === 'notary/not-found') this.#missed.push(id);
    }
  }

  #ask(at: number, submission: DigestSubmission): Promise<Submitted | undefined> {
    const client = this.#clients[at % this.#clients.length] ?? assert.fail('no members');
    return client.submit(submission).catch(() => undefined);
  }
}

export function newSubmission(): { key: string; digest: Uint8Array } {
  const key = randomBytes(12).toString('hex');
  return { key, digest: new Uint8Array(createHash('sha256').update(key).digest()) };
}

/**
 * Every member has, in the same place, exactly what was acknowledged, and the same tree over it. The load must have
 * stopped: then all of its submissions were answered, so that a record more is a duplicate. The newest `most` records are
 * looked up one by one.
 */
export async function checkReplicas(
  cluster: TestCluster,
  all: readonly Kept[],
  { most = all.length, names = cluster.names() }: { most?: number; names?: readonly string[] } = {},
): Promise<void> {
  const size = all.length;
  const kept = all.slice(-most);
  assert.equal(new Set(all.map(({ id }) => id)).size, size, 'an id was given twice');
  const offsets = all.map(({ offset }) => offset).sort((a, b) => a - b);
  for (const [i, offset] of offsets.entries()) {
    assert.equal(offset, i, 'the log has a gap, a duplicate or a record nobody was promised');
  }
  const trees = await Promise.all(
    names.map(async (name) => {
      await eventually(async () => (await sizeOf(cluster, name)) >= size);
      assert.equal(await sizeOf(cluster, name), size, `${name} has records nobody was promised`);
      const client = cluster.client(name);
      try {
        for (let at = 0; at < kept.length; at += 200) {
          const part = kept.slice(at, at + 200);
          const found = await Promise.all(part.map(({ id }) => client.status(id)));
          for (const [i, { offset, digest }] of part.entries()) {
            assert.deepEqual([found[i]?.offset, found[i]?.digest], [offset, digest], name);
          }
        }
        // Together both paths hold every leaf: who gives the same ones has the same root.
        const path = (index: number) =>
          client.inclusionProof({ origin: cluster.origin, index, size });
        return await Promise.all([path(0), path(size - 1)]);
      } finally {
        await client.close();
      }
    }),
  );
  for (const tree of trees) assert.deepEqual(tree, trees[0], 'the roots differ');
}

async function sizeOf(cluster: TestCluster, name: string): Promise<number> {
  return Number((await cluster.view(name))?.partitions[0]?.size ?? 0);
}

/** Waits for a condition that processes bring about; mocha's time-out bounds it. */
export async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause();
}

export function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, PAUSE_MS));
}

/** One line for whoever reads the output of the tests. */
export function tell(line: string): void {
  process.stdout.write(`      ${line}\n`);
}
