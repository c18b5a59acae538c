import { strict as assert } from 'node:assert';
import { Registry } from 'prom-client';
import type { Logger } from '../../../base/log.ts';
import { silentLogger } from '../../../base/log.ts';
import type {
  ClusterCommand,
  ClusterPartitionStatus,
  ClusterStatus,
} from '../../../native/index.ts';
import { createClusterAccess } from '../../../node/cluster-access.ts';
import type { ClusterFile } from '../../../node/cluster-file.ts';
import { exportClusterMetrics } from '../../../node/cluster-metrics.ts';
import { newsOf } from '../../../node/cluster-watch.ts';
import { handOver, successorOf } from '../../../node/hand-over.ts';

/** Nothing in these tests looks at its members. */
const MEMBERS: ClusterFile = {
  id: new Uint8Array(32),
  networkId: 'x',
  cluster: 'org-0',
  cosigners: 2,
  faults: 0,
  founders: [],
  members: [],
};

const group = (over: Partial<ClusterPartitionStatus> = {}): ClusterPartitionStatus => ({
  partition: 0,
  leads: true,
  epoch: 3,
  commit: 17,
  applied: 16,
  last: 18,
  replicas: [
    { node: 1, index: 18 },
    { node: 2, index: 12 },
    { node: 3, index: 17 },
  ],
  voters: [1, 2, 3],
  learners: [],
  ...over,
});

const linked = [
  { node: 2, up: true },
  { node: 3, up: true },
];

/** A member of three that tells what a test gives it. */
function memberOf(first: ClusterStatus) {
  const state = {
    status: first,
    transfers: [] as unknown[],
    commands: [] as ClusterCommand[],
    onTransfer: () => {},
  };
  const access = createClusterAccess({
    core: {
      clusterStatus: () => Promise.resolve(state.status),
      durableSize: () => 1_200,
      clusterCommand: (command: ClusterCommand) => {
        state.commands.push(command);
        return Promise.resolve();
      },
      clusterService: () => Promise.resolve({}),
      transfer: (partition: number, to: number) => {
        state.transfers.push([partition, to]);
        state.onTransfer();
        return Promise.resolve();
      },
    },
    file: MEMBERS,
    cluster: 'org-0',
    self: 'node-0',
    members: [1, 2, 3].map((number) => ({ number, name: `node-${number - 1}` })),
    origins: ['pyralog/x/org-0/notary/0'],
  });
  return { state, access };
}

describe('cluster of a node', () => {
  it('is told by names, this member among them', async () => {
    const { access, state } = memberOf({ partitions: [group()], peers: linked });
    assert.deepEqual(await access.status(), {
      cluster: 'org-0',
      partitions: [
        {
          ...group(),
          origin: 'pyralog/x/org-0/notary/0',
          leader: 'node-0',
          size: 1_200,
          replicas: [
            { node: 'node-0', index: 18 },
            { node: 'node-1', index: 12 },
            { node: 'node-2', index: 17 },
          ],
          voters: ['node-0', 'node-1', 'node-2'],
        },
      ],
      members: [
        { node: 'node-0', number: 1, self: true, up: true },
        { node: 'node-1', number: 2, self: false, up: true },
        { node: 'node-2', number: 3, self: false, up: true },
      ],
    });
    state.status = {
      partitions: [group({ leads: false, leader: 3, problem: 'node 2 is not heard of' })],
      peers: [{ node: 2, up: false, problem: 'refused here: other cluster' }],
      stranger: '127.0.0.1:4: some other program',
    };
    const { partitions, members, stranger } = await access.status();
    assert.equal(partitions[0]?.leader, 'node-2');
    assert.equal(partitions[0]?.problem, 'node 2 is not heard of');
    assert.deepEqual(members[1], {
      node: 'node-1',
      number: 2,
      self: false,
      up: false,
      problem: 'refused here: other cluster',
    });
    assert.equal(members[2]?.up, false, 'no link is known');
    assert.match(stranger ?? '', /other program/);
  });

  it('hands a partition over by name, and to nobody it does not know', async () => {
    const { access, state } = memberOf({ partitions: [group()], peers: linked });
    await access.transfer(0, 'node-2');
    assert.deepEqual(state.transfers, [[0, 3]]);
    await assert.rejects(access.transfer(0, 'node-9'), {
      code: 'rpc/invalid-params',
      message: 'there is no member node-9; the cluster has node-0, node-1, node-2',
    });
  });

  it('picks as successor the linked member that has most', async () => {
    const { access, state } = memberOf({ partitions: [group()], peers: linked });
    const successor = async () => {
      const status = await access.status();
      const [first] = status.partitions;
      return first && successorOf(first, status);
    };
    assert.equal(await successor(), 'node-2');
    state.status = { partitions: [group()], peers: [{ node: 2, up: true }] };
    assert.equal(await successor(), 'node-1');
    state.status = { partitions: [group()], peers: [] };
    assert.equal(await successor(), undefined);
  });

  it('hands over what it leads before it stops, and waits until another leads', async () => {
    const { access, state } = memberOf({ partitions: [group()], peers: linked });
    let asked = 0;
    state.onTransfer = () => {
      const status = access.status.bind(access);
      Object.assign(access, {
        status: () => {
          asked++;
          if (asked === 3) state.status = { partitions: [group({ leads: false })], peers: linked };
          return status();
        },
      });
    };
    await handOver(access, silentLogger, new AbortController().signal);
    assert.deepEqual(state.transfers, [[0, 3]]);
    assert.equal(asked, 3);
  });

  it('hands over nothing where it leads nothing, or nobody is there to take it', async () => {
    for (const status of [
      { partitions: [group({ leads: false })], peers: linked },
      { partitions: [group()], peers: [] },
    ]) {
      const { access, state } = memberOf(status);
      await handOver(access, silentLogger, new AbortController().signal);
      assert.deepEqual(state.transfers, []);
    }
  });

  it('stops all the same when it cannot hand over, and says so', async () => {
    const { access, state } = memberOf({ partitions: [group()], peers: linked });
    state.onTransfer = () => {
      throw new Error('not the leader');
    };
    const said: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_, message) => said.push(message) };
    await handOver(access, logger, new AbortController().signal);
    assert.match(said.join(), /was not handed over/);
    const aborted = AbortSignal.abort();
    state.onTransfer = () => {};
    await handOver(access, logger, aborted);
    assert.equal(state.transfers.length, 2, 'who may not wait hands over and goes');
  });

  it('logs each change once', async () => {
    const { access, state } = memberOf({ partitions: [group()], peers: linked });
    const said: string[] = [];
    const add = (fields: object, message: string) =>
      said.push(`${message} ${JSON.stringify(fields)}`);
    const tell = newsOf({ ...silentLogger, info: add, warn: add });
    const look = async (status: ClusterStatus) => {
      state.status = status;
      said.length = 0;
      tell(await access.status());
      tell(await access.status());
      return [...said];
    };
    assert.equal((await look({ partitions: [group()], peers: linked })).length, 3);
    assert.deepEqual(await look({ partitions: [group({ commit: 99 })], peers: linked }), []);
    const refused = (port: number) => ({
      partitions: [group({ epoch: 4, leads: false, problem: 'nobody is known to lead it' })],
      peers: [
        { node: 2, up: false, problem: `node 2 at 127.0.0.1:${port}: refused` },
        { node: 3, up: true },
      ],
      stranger: 'some other program',
    });
    const news = await look(refused(4_001));
    for (const part of [
      /new epoch or leader .*"epoch":4/,
      /partition is not well .*nobody is known/,
      /no link to a member .*node-1/,
      /came to nothing .*refused/,
      /turned away .*other program/,
    ]) {
      assert.ok(
        news.some((line) => part.test(line)),
        `${part}: ${news.join('\n')}`,
      );
    }
    assert.equal(news.length, 5);
    assert.deepEqual(await look(refused(4_002)), [], 'the same trouble from another port');
    const fetching = (file: number, percent: number) => ({
      ...refused(4_003),
      partitions: [
        group({
          epoch: 4,
          leads: false,
          problem: `fetching ${file} of 7 files from node 2, ${percent} %`,
        }),
      ],
    });
    assert.equal((await look(fetching(3, 41))).length, 1);
    assert.deepEqual(await look(fetching(4, 57)), [], 'the same files, further');
  });

  it('exports what it tells as metrics', async () => {
    const { access, state } = memberOf({
      partitions: [group()],
      peers: [
        { node: 2, up: false },
        { node: 3, up: true },
      ],
    });
    const registry = new Registry();
    exportClusterMetrics(registry, access);
    const text = await registry.metrics();
    for (const line of [
      'pyralog_cluster_leads{partition="0"} 1',
      'pyralog_cluster_healthy{partition="0"} 1',
      'pyralog_cluster_epoch{partition="0"} 3',
      'pyralog_cluster_commit_index{partition="0"} 17',
      'pyralog_cluster_applied_index{partition="0"} 16',
      'pyralog_cluster_link_up{member="node-1"} 0',
      'pyralog_cluster_link_up{member="node-2"} 1',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line}\n${text}`);
    }
    state.status = { partitions: [group({ leads: false, problem: 'x' })], peers: linked };
    assert.match(await registry.metrics(), /pyralog_cluster_healthy\{partition="0"\} 0/);
  });
});
