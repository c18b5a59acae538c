/**
 * Three members as separate processes that keep one log: nothing that was acknowledged is lost or doubled whatever is done
 * to them, by the clients' own history, and every receipt has the signatures of a majority.
 */
import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { createClusterClient } from '../../client/index.ts';
import { parseTrustStore, verifyReceipt } from '../../receipt/index.ts';
import {
  ClusterLoad,
  checkReplicas,
  eventually,
  newSubmission,
  pause,
  TestCluster,
  tell,
} from '../support/cluster.ts';

const CLIENTS = 6;
const KILLS = 3;

describe('cluster of three members', function () {
  this.timeout(240_000);
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.start(3);
  });
  after(() => cluster.remove());

  const all: ClusterLoad['kept'] = [];
  /** Runs `disturb` under load, ends the load, and checks every replica against all that was ever acknowledged. */
  async function underLoad(disturb: (load: ClusterLoad) => Promise<void>): Promise<void> {
    const load = new ClusterLoad(cluster, CLIENTS);
    try {
      await load.more(100);
      await disturb(load);
      await load.more(100);
    } finally {
      await load.stop();
    }
    all.push(...load.kept);
    await checkReplicas(cluster, all);
  }

  async function event(load: ClusterLoad, what: string, act: () => Promise<void>): Promise<void> {
    const from = performance.now();
    await act();
    await load.more(50);
    tell(`${what}: no acknowledgement for ${load.gapSince(from).toFixed(0)} ms`);
  }

  it('takes submissions at any member and gives receipts with a majority of signatures', async () => {
    const trust = parseTrustStore(readFileSync(cluster.devnet.paths.trust, 'utf8'));
    assert.ok(trust.ok);
    for (const name of cluster.names()) {
      const client = cluster.client(name);
      const { key, digest } = newSubmission();
      const submission = { algorithm: 'sha256', digest, idempotencyKey: key } as const;
      const { id, offset } = await client.submit(submission);
      all.push({ id, offset, digest });
      const again = await client.submit(submission);
      assert.deepEqual([again.id, again.duplicate], [id, true]);
      const receipt = await client.receipt(id, { waitFor: 'checkpoint' });
      const verdict = verifyReceipt(receipt, digest, trust.value);
      assert.ok(verdict.ok, verdict.ok ? '' : verdict.message);
      assert.equal(verdict.level, 'checkpoint');
      const signatures = receipt.checkpoint?.split('\n').filter((line) => line.startsWith('—'));
      assert.ok((signatures?.length ?? 0) >= 2, receipt.checkpoint);
      await client.close();
    }
    await checkReplicas(cluster, all);
  });

  it('reads at any member what was acknowledged at another one (R14)', async () => {
    const names = cluster.names();
    const clients = names.map((name) => cluster.client(name));
    const stale = new Set<number>();
    for (let i = 0; i < 60; i++) {
      const { key, digest } = newSubmission();
      const submission = { algorithm: 'sha256', digest, idempotencyKey: key } as const;
      const [writer, reader] = [clients[i % 3], clients[(i + 1) % 3]];
      assert.ok(writer !== undefined && reader !== undefined);
      const { id, offset } = await writer.submit(submission);
      all.push({ id, offset, digest });
      const params = { id: id.toString(), maxStalenessMs: 60_000 };
      const seen = await reader.call('notary_status', { ...params, read: 'linearizable' });
      assert.equal(seen.offset, `${offset}`);
      assert.ok((seen.stalenessMs ?? Number.NaN) <= 60_000);
      const { stalenessMs = 0 } = await reader.call('log_info', { maxStalenessMs: 60_000 });
      stale.add(stalenessMs);
    }
    assert.ok(stale.size > 1, 'the staleness is that of an earlier question');
    await Promise.all(clients.map((client) => client.close()));
  });

  it('tells everybody who leads, and where members are reached (R15)', async () => {
    const leader = await cluster.leader();
    const [other = ''] = cluster.others(leader);
    const client = cluster.client(other);
    const { partitions, members } = await client.call('cluster_map', {});
    await client.close();
    assert.equal(partitions[0]?.leader, leader);
    assert.deepEqual(
      members.map(({ node, rpc }) => [node, rpc]),
      cluster.nodes.map(({ name, rpc }) => [name, rpc]),
    );
  });

  it('says who leads, in which epoch, and that all is well', async () => {
    const leader = await cluster.leader();
    await eventually(async () => {
      const views = await Promise.all(cluster.names().map((name) => cluster.view(name)));
      return views.every(
        (view) =>
          view?.partitions[0]?.leader === leader &&
          view.partitions[0].problem === undefined &&
          view.members.every(({ up }) => up),
      );
    });
  });

  it('hands over when it is told to, and only where it leads', async () => {
    const before = await cluster.leader();
    const [to = ''] = cluster.others(before);
    await assert.rejects(cluster.call(to, 'cluster_transfer', { partition: 0, to: before }));
    await assert.rejects(
      cluster.call(before, 'cluster_transfer', { partition: 0, to: 'node-9' }),
      /there is no member node-9/,
    );
    await cluster.call(before, 'cluster_transfer', { partition: 0, to });
    await eventually(async () => (await cluster.leader()) === to);
  });

  it('loses and doubles nothing when its leader is killed, and catches it up', async () => {
    await underLoad(async (load) => {
      for (let i = 0; i < KILLS; i++) {
        const leader = await cluster.leader();
        await event(load, `kill -9 of ${leader}, which leads`, () => cluster.order('kill', leader));
        await cluster.order('restart', leader);
        await load.more(50);
      }
    });
  });

  it('answers clients of members that live, which never ask twice, through a kill of its leader (N12)', async () => {
    const leader = await cluster.leader();
    const clients = cluster.others(leader).map((name) => cluster.client(name));
    const kept: ClusterLoad['kept'] = [];
    let killed = false;
    const loops = Array.from({ length: CLIENTS }, async (_, i) => {
      const client = clients[i % clients.length];
      for (let left = 20; client !== undefined && left > 0; left -= killed ? 1 : 0) {
        const { key, digest } = newSubmission();
        const submission = { algorithm: 'sha256', digest, idempotencyKey: key } as const;
        const { id, offset } = await client.submit(submission);
        kept.push({ id, offset, digest });
      }
    });
    while (kept.length < 100) await pause();
    await cluster.order('kill', leader);
    killed = true;
    await Promise.all(loops);
    await Promise.all(clients.map((client) => client.close()));
    await cluster.order('restart', leader);
    all.push(...kept);
    await checkReplicas(cluster, all);
  });

  it('takes a session of a client once and in order through a kill of its leader (CK2, CK5)', async () => {
    const trust = parseTrustStore(readFileSync(cluster.devnet.paths.trust, 'utf8'));
    assert.ok(trust.ok);
    const nodes = [cluster.node(cluster.names()[0] ?? '').rpc];
    const client = createClusterClient({ nodes, trust: trust.value, submitter: 'session' });
    const session = client.session();
    const kept: ClusterLoad['kept'] = [];
    let killed = '';
    for (let left = 100; left > 0; left -= killed === '' ? 0 : 1) {
      const { digest } = newSubmission();
      const { sequence, id, offset, receipt } = await session.submit({
        algorithm: 'sha256',
        digest,
      });
      assert.equal(sequence, kept.length + 1);
      assert.equal(receipt?.record.scarabId, id);
      kept.push({ id, offset, digest });
      if (killed !== '' || kept.length < 50) continue;
      killed = await cluster.leader();
      await cluster.order('kill', killed);
    }
    await client.close();
    await cluster.order('restart', killed);
    const offsets = kept.map(({ offset }) => offset);
    assert.deepEqual(
      offsets,
      [...offsets].sort((a, b) => a - b),
    );
    all.push(...kept);
    await checkReplicas(cluster, all);
  });

  it('goes on while each member in turn is restarted', async () => {
    await underLoad(async (load) => {
      for (const name of cluster.names()) {
        await event(load, `restart of ${name}`, () => cluster.order('restart', name));
      }
    });
  });

  it('goes on while its leader is stopped for a while, which then follows', async () => {
    await underLoad(async (load) => {
      const leader = await cluster.leader();
      await event(load, `SIGSTOP of ${leader}, which leads`, () => cluster.order('pause', leader));
      await cluster.order('resume', leader);
    });
  });

  it('acknowledges nothing while both followers are stopped, and goes on afterwards', async () => {
    const leader = await cluster.leader();
    const followers = cluster.others(leader);
    const client = cluster.client(leader, 5_000);
    const { key, digest } = newSubmission();
    const submission = { algorithm: 'sha256', digest, idempotencyKey: key } as const;
    await cluster.order('pause', ...followers);
    await assert.rejects(client.submit(submission), 'acknowledged by one of three');
    await assert.rejects(client.logs(cluster.origin, { read: 'linearizable' }), {
      code: 'consensus/too-stale',
    });
    await cluster.order('resume', ...followers);
    let answer: Awaited<ReturnType<typeof client.submit>> | undefined;
    await eventually(async () => {
      answer = await client.submit(submission).catch(() => undefined);
      return answer !== undefined;
    });
    await client.close();
    assert.ok(answer !== undefined);
    all.push({ id: answer.id, offset: answer.offset, digest });
    await underLoad(async () => {});
  });
});
