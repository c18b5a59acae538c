/** Twenty kills of the leader under load, each time of whoever leads then. Minutes, not seconds. */
import { ClusterLoad, checkReplicas, TestCluster, tell } from '../support/cluster.ts';

const KILLS = Number(process.env['RUNS'] ?? 20);

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
        await checkReplicas(cluster, all, 2_000);
      }
      await checkReplicas(cluster, all);
      gaps.sort((a, b) => a - b);
      const at = (part: number) => gaps[Math.floor((gaps.length - 1) * part)]?.toFixed(0);
      tell(
        `${all.length} records; no acknowledgement for ${at(0.5)} ms (median), ${at(1)} ms (worst)`,
      );
    });
  });
}
