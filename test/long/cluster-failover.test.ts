/** A cluster under load and many disturbances, by its clients' own history. Minutes, not seconds. */
import { strict as assert } from 'node:assert';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataDirPaths } from '../../node/index.ts';
import { ClusterLoad, checkReplicas, TestCluster, tell } from '../support/cluster.ts';
import { Relay } from '../support/relay.ts';

const KILLS = Number(process.env['RUNS'] ?? 20);
const ROUNDS = Math.max(1, Math.round(KILLS / 4));

for (const fileLayer of ['real', 'lose-unsynced']) {
  describe(`${KILLS} kills of the leader, file layer ${fileLayer}`, function () {
    this.timeout(KILLS * 60_000);
    let cluster: TestCluster;
    before(async () => {
      cluster = await TestCluster.start(3, {
        'store.fileLayer': fileLayer,
        'store.walFileMiB': '1',
      });
    });
    after(() => cluster.remove());

    it('loses and doubles nothing that was acknowledged', async () => {
      const all: ClusterLoad['kept'] = [];
      const gaps: number[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const load = new ClusterLoad(cluster, 24);
        // Another moment each time.
        await load.more(1 + ((kill * 977) % 1_500));
        const leader = await cluster.leader();
        const from = performance.now();
        await cluster.order('kill', leader);
        await load.more(200);
        gaps.push(load.gapSince(from));
        await cluster.order('restart', leader);
        await load.more(100);
        await load.stop();
        all.push(...load.kept);
        await checkReplicas(cluster, all, { most: 2_000 });
      }
      await checkReplicas(cluster, all);
      tell(`${all.length} records; no acknowledgement for ${spread(gaps)}`);
    });
  });
}

describe(`${ROUNDS} rounds of pauses, restarts, cut links and stopped disks`, function () {
  this.timeout(ROUNDS * 240_000);
  let cluster: TestCluster;
  let relay: Relay;
  const all: ClusterLoad['kept'] = [];
  const gaps = new Map<string, number[]>();
  before(async () => {
    relay = new Relay();
    cluster = await TestCluster.start(
      3,
      { 'store.fileLayer': 'lose-unsynced', 'store.walFileMiB': '1' },
      { route: relay.route },
    );
  });
  after(async () => {
    await cluster.remove();
    await relay.close();
    for (const [what, of] of gaps) tell(`${what}: no acknowledgement for ${spread(of)}`);
  });

  /** Disturbs under load, waits until it goes on all the same, ends the disturbance, and checks what everybody has. */
  async function goesOn(
    what: string,
    disturb: (leader: string, others: readonly string[]) => unknown,
    end: (leader: string) => unknown = () => {},
  ): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const load = new ClusterLoad(cluster, 12);
      await load.more(50 + ((round * 331) % 500));
      const leader = await cluster.leader();
      const from = performance.now();
      await disturb(leader, cluster.others(leader));
      await load.more(200);
      const gap = load.gapSince(from);
      gaps.set(what, [...(gaps.get(what) ?? []), gap]);
      await end(leader);
      await load.more(200);
      await load.stop();
      all.push(...load.kept);
      await checkReplicas(cluster, all, { most: 1_000 });
    }
  }

  const heal = () => relay.heal();
  const cutBoth = (one: string, others: readonly string[]) => {
    relay.cut(one, others);
    for (const other of others) relay.cut(other, [one]);
  };

  it('goes on while its leader is stopped', () =>
    goesOn(
      'SIGSTOP of the leader',
      (leader) => cluster.order('pause', leader),
      (leader) => cluster.order('resume', leader),
    ));

  it('goes on while every member in turn is restarted', () =>
    goesOn('rolling restart', async () => {
      for (const name of cluster.names()) await cluster.order('restart', name);
    }));

  it('goes on when its leader is cut off', () => goesOn('leader cut off', cutBoth, heal));

  it('goes on when its leader is not heard', () =>
    goesOn('leader not heard', (leader, others) => relay.cut(leader, others), heal));

  it('goes on when its leader hears nobody', () =>
    goesOn(
      'leader deaf',
      (leader, others) => {
        for (const other of others) relay.cut(other, [leader]);
      },
      heal,
    ));

  it('goes on when its leader loses one follower', () =>
    goesOn(
      'leader and a follower cut from each other',
      (leader, [one = '']) => cutBoth(leader, [one]),
      heal,
    ));

  it('acknowledges nothing while the disks of both followers stand still', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const load = new ClusterLoad(cluster, 12);
      await load.more(100);
      const leader = await cluster.leader();
      const stops = cluster
        .others(leader)
        .map((name) => join(dataDirPaths(cluster.node(name).dataDir).store, 'wal', '.stop-syncs'));
      for (const stop of stops) writeFileSync(stop, '');
      // What was synced just before may still be told.
      await load.triedInVain(1);
      const before = load.kept.length;
      const epoch = await cluster.epoch(leader);
      await load.triedInVain(2);
      assert.equal(load.kept.length, before, 'acknowledged by one disk of three');
      const same = (await cluster.epoch(leader)) === epoch;
      tell(`disks stopped: ${same ? 'the leader stays' : 'somebody else tried to lead'}`);
      const from = performance.now();
      for (const stop of stops) rmSync(stop);
      await load.more(200);
      gaps.set('disks go on', [...(gaps.get('disks go on') ?? []), load.gapSince(from)]);
      await load.stop();
      all.push(...load.kept);
      await checkReplicas(cluster, all, { most: 1_000 });
    }
  });
});

function spread(gaps: readonly number[]): string {
  const sorted = [...gaps].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)]?.toFixed(0);
  return `${at(0.5)} ms (median), ${at(1)} ms (worst) of ${sorted.length}`;
}
