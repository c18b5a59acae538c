/** Who is no member, or has forgotten what it knew as one, is let in nowhere: it and its peers say why. */
import { strict as assert } from 'node:assert';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type NodeProcess, startNodeProcess } from '../../devnet/node-process.ts';
import {
  createKey,
  dataDirPaths,
  formatClusterFile,
  keyPath,
  readClusterFile,
  readKeySummary,
  writeKeyFileAnew,
} from '../../node/index.ts';
import {
  ClusterLoad,
  checkReplicas,
  eventually,
  pause,
  TestCluster,
  viewAt,
} from '../support/cluster.ts';

/** Has the lowest number, so it dials: its peers check who it is. */
const NAME = 'node-0';

describe('a cluster turns away', function () {
  this.timeout(120_000);
  let cluster: TestCluster;
  let rogue: NodeProcess | undefined;
  let kept: ClusterLoad['kept'] = [];

  before(async () => {
    cluster = await TestCluster.start(3);
    const load = new ClusterLoad(cluster, 4);
    await load.more(50);
    await load.stop();
    kept = load.kept;
    await cluster.order('kill', NAME);
  });
  afterEach(async () => {
    rogue?.signal('SIGKILL');
    await rogue?.exited;
  });
  after(() => cluster.remove());

  const own = () => cluster.node(NAME).dataDir;
  const membersFile = () => join(own(), '..', 'cluster.json');

  /** Starts a copy of the member's directory, which `change` may change, with a members file that it gives. */
  async function start(change: (dir: string) => Promise<string> | string): Promise<string> {
    const dir = join(cluster.root, 'rogue');
    rmSync(dir, { recursive: true, force: true });
    cpSync(own(), dir, { recursive: true });
    const members = await change(dir);
    rogue = startNodeProcess(dir, {
      'network.cluster': 'org-0',
      'network.node': NAME,
      'rpc.port': '0',
      'rpc.adminPort': '0',
      'store.walFileMiB': '8',
      'cluster.members': members,
    });
    return dir;
  }

  /** Both sides say `reason`, as status and in their logs; the others go on. */
  async function isRefused(dir: string, reason: RegExp): Promise<void> {
    assert.ok(rogue !== undefined);
    const { adminAddress } = await rogue.ready;
    const url = `http://127.0.0.1:${adminAddress?.port}`;
    const peer = cluster.node('node-1');
    const problemsAt = async (admin: string, at: string, of: string) =>
      (await viewAt(admin, at))?.members.find(({ node }) => node === of)?.problem ?? '';
    await eventually(async () => reason.test(await problemsAt(url, dir, 'node-1')));
    await eventually(async () => reason.test(await problemsAt(peer.admin, peer.dataDir, NAME)));
    for (const log of [rogue.logFile, peer.logFile]) {
      await eventually(async () =>
        readFileSync(log, 'utf8')
          .split('\n')
          .some((line) => line.includes('came to nothing') && reason.test(line)),
      );
    }
    const there = await viewAt(url, dir);
    assert.ok(there?.members.every(({ up, self }) => up === self));
    assert.equal(there?.partitions[0]?.leads, false);
    const load = new ClusterLoad(cluster, 2);
    await load.more(10);
    await load.stop();
    kept.push(...load.kept);
  }

  it('a node of another cluster', async () => {
    const dir = await start((at) => {
      const path = join(at, 'cluster.json');
      const id = new Uint8Array(32).fill(7);
      writeFileSync(path, formatClusterFile({ ...readClusterFile(membersFile()), id }));
      return path;
    });
    await isRefused(dir, /cluster/);
  });

  it('a node with another key than the one that its peers pinned', async () => {
    const dir = await start(async (at) => {
      const keyFile = keyPath(dataDirPaths(at), 'tunnel');
      const key = createKey('tunnel', readKeySummary(keyFile).name);
      await writeKeyFileAnew(keyFile, key);
      const path = join(at, 'cluster.json');
      const file = readClusterFile(membersFile());
      const members = file.members.map((member) =>
        member.name === NAME ? { ...member, tunnel: key.publicKey } : member,
      );
      writeFileSync(path, formatClusterFile({ ...file, members }));
      return path;
    });
    await isRefused(dir, /key|handshake/);
  });

  it('a member whose disk was wiped', async () => {
    const dir = await start((at) => {
      const { store, opened } = dataDirPaths(at);
      rmSync(store, { recursive: true, force: true });
      rmSync(opened, { force: true });
      return membersFile();
    });
    await isRefused(dir, /had another store before/);
  });

  it('a member whose store alone is gone, before it starts', async () => {
    await start((at) => {
      rmSync(dataDirPaths(at).store, { recursive: true, force: true });
      return membersFile();
    });
    assert.ok(rogue !== undefined);
    await assert.rejects(rogue.ready, /is gone, though this node has kept a log here/);
  });

  it('and takes the member itself back', async () => {
    await cluster.order('restart', NAME);
    while ((await cluster.view(NAME))?.members.every(({ up }) => up) !== true) await pause();
    await checkReplicas(cluster, kept);
  });
});
