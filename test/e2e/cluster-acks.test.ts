/** Acknowledgement policy `all` (CG10): an answer means that every member has the record on disk. */
import { strict as assert } from 'node:assert';
import {
  checkReplicas,
  eventually,
  type Kept,
  newSubmission,
  TestCluster,
} from '../support/cluster.ts';

describe('cluster whose members acknowledge what all of them have', function () {
  this.timeout(120_000);
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.start(3, { 'cluster.acks': 'all' });
  });
  after(() => cluster.remove());

  it('answers when all have it, and not while one is away', async () => {
    const leader = await cluster.leader();
    const [away = '', other = ''] = cluster.others(leader);
    const kept: Kept[] = [];
    const submit = async (name: string, answerMsMax?: number, given = newSubmission()) => {
      const client = cluster.client(name, answerMsMax);
      const submission = { algorithm: 'sha256', idempotencyKey: given.key } as const;
      try {
        const { id, offset } = await client.submit({ ...submission, digest: given.digest });
        kept.push({ id, offset, digest: given.digest });
      } finally {
        await client.close();
      }
    };
    for (const name of cluster.names()) await submit(name);
    const client = cluster.client(other);
    const [log] = await client.logs(cluster.origin);
    assert.deepEqual([log?.ackPolicy, log?.replicas], ['all', 3]);

    await cluster.order('pause', away);
    const given = newSubmission();
    await assert.rejects(submit(other, 2_000, given), { code: 'client/no-answer' });
    // A majority has it, so that it is read; nobody was told that all have.
    const found = { algorithm: 'sha256', digest: given.digest } as const;
    await eventually(async () => (await client.search(found)).length === 1);
    await client.close();
    await cluster.order('resume', away);
    await submit(other, undefined, given);
    await submit(leader);
    await checkReplicas(cluster, kept);
  });
});
