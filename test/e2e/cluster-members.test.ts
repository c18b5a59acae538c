/** Members come and go under load, with the commands that operators have: nothing acknowledged is lost or doubled. */
import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type NodeProcess, startNodeProcess } from '../../devnet/node-process.ts';
import { dataDirPaths } from '../../node/index.ts';
import { parseTrustStore, verifyReceipt } from '../../receipt/index.ts';
import {
  ClusterLoad,
  checkReplicas,
  eventually,
  newSubmission,
  TestCluster,
  viewAt,
} from '../support/cluster.ts';
import { Workspace } from '../support/node-process.ts';

const JOINS = 'node-3';

describe('members of a cluster that change', function () {
  this.timeout(120_000);
  this.bail(true);
  let cluster: TestCluster;
  let workspace: Workspace;
  let joined: NodeProcess | undefined;
  let load: ClusterLoad;

  before(async () => {
    cluster = await TestCluster.start(3);
    workspace = new Workspace();
    load = new ClusterLoad(cluster, 4);
    await load.more(50);
  });
  after(async () => {
    await load.stop();
    joined?.signal('SIGKILL');
    await joined?.exited;
    await cluster.remove();
    await workspace.remove();
  });

  const dir = () => workspace.path('new');
  const admin = (name: string) => {
    const node = cluster.node(name);
    return ['--admin', node.admin, '--token-file', dataDirPaths(node.dataDir).adminToken];
  };
  /** As the new member sees the cluster. */
  async function viewOfJoined() {
    const port = (await joined?.ready)?.adminAddress?.port;
    return viewAt(`http://127.0.0.1:${port}`, dataDir());
  }
  const dataDir = () => join(dir(), 'pyralog-data');

  it('a node joins: the cluster knows it, and every member links to it', async () => {
    const genesis = join(cluster.node('node-0').dataDir, 'genesis.json');
    const of = ['--network', 'devnet', '--cluster', 'org-0', '--name', JOINS];
    await workspace.json(['init', dir(), ...of, '--genesis', genesis]);
    const address = `127.0.0.1:${await freePort()}`;
    const entry = await workspace.cli([
      ...['cluster', 'member', '--number', '4', '--address', address],
      ...['--config', join(dir(), 'pyralog.yaml')],
    ]);
    assert.equal(entry.code, 0, entry.stderr);
    const file = workspace.path('node-3.json');
    writeFileSync(file, entry.stdout);
    const members = workspace.path('members-4.json');
    const added = await workspace.cli([
      ...['cluster', 'add', file, '--out', members],
      ...admin('node-0'),
    ]);
    assert.equal(added.code, 0, added.stderr);
    // Once more, since its outcome might not have been heard.
    const again = workspace.path('again.json');
    const repeated = await workspace.cli([
      'cluster',
      'add',
      file,
      '--out',
      again,
      ...admin('node-1'),
    ]);
    assert.equal(repeated.code, 0, repeated.stderr);
    assert.equal(readFileSync(again, 'utf8'), readFileSync(members, 'utf8'));
    joined = startNodeProcess(dataDir(), {
      'network.cluster': 'org-0',
      'network.node': JOINS,
      'rpc.port': '0',
      'rpc.adminPort': '0',
      'store.walFileMiB': '8',
      'cluster.members': members,
    });
    await eventually(async () => {
      const view = await cluster.view('node-0');
      const member = view?.members.find(({ node }) => node === JOINS);
      return member?.status === 'active' && member.up;
    });
    await eventually(async () => (await viewOfJoined())?.members.every(({ up }) => up) === true);
  });

  it('a member that is drained is replaced, and can be removed then and not before', async () => {
    const leader = await cluster.leader();
    const [other = ''] = cluster.others(leader);
    const early = await workspace.cli(['cluster', 'remove', leader, ...admin(other)]);
    assert.notEqual(early.code, 0);
    assert.match(early.stderr, /drain/);
    const drained = await workspace.cli(['cluster', 'drain', leader, ...admin(other)]);
    assert.equal(drained.code, 0, drained.stderr);
    await eventually(async () => {
      const group = (await cluster.view(other))?.partitions[0];
      return group?.voters.includes(JOINS) === true && !group.voters.includes(leader);
    });
    await load.more(50);
    await eventually(async () => {
      const removed = await workspace.cli(['cluster', 'remove', leader, ...admin(other)]);
      return removed.code === 0;
    });
    await cluster.order('kill', leader);
    await load.more(50);
    await load.stop();
    await checkReplicas(cluster, load.kept, { names: cluster.others(leader) });
    const view = await viewOfJoined();
    assert.equal(view?.partitions[0]?.size, (await cluster.view(other))?.partitions[0]?.size);
    assert.ok(view?.members.every(({ node }) => node !== leader));
  });

  it('receipts have the signatures of the new majority, under the policy that the cluster tells', async () => {
    const [, other = ''] = cluster.names();
    const running = (await cluster.view(other)) === undefined ? 'node-2' : other;
    const out = workspace.path('trust.json');
    const told = await workspace.cli(['cluster', 'policy', '--out', out, ...admin(running)]);
    assert.equal(told.code, 0, told.stderr);
    const trust = parseTrustStore(readFileSync(out, 'utf8'));
    assert.ok(trust.ok);
    const client = cluster.client(running);
    const { key, digest } = newSubmission();
    const { id } = await client.submit({ algorithm: 'sha256', digest, idempotencyKey: key });
    const receipt = await client.receipt(id, { waitFor: 'checkpoint' });
    await client.close();
    const verdict = verifyReceipt(receipt, digest, trust.value);
    assert.ok(verdict.ok, verdict.ok ? '' : verdict.message);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}
