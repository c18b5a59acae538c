import { strict as assert } from 'node:assert';
import { PyralogError } from '../../../base/errors.ts';
import { type AckPolicy, createClusterReplicator, type Role } from '../../../consensus/index.ts';
import type { ClusterStatus, Core, ProposeAnswer, ProposeOptions } from '../../../native/index.ts';
import { until } from '../../support/until.ts';

const NAMES = new Map([
  [1, 'node-0'],
  [2, 'node-1'],
]);

const OPTIONS = { wait: 'durable', paths: false } as const;

/** What a replicated core tells of one partition; a test says what it is to tell next. */
class FakeCore {
  group: { leads: boolean; epoch: number; leader?: number } = { leads: false, epoch: 0 };
  broken: Error | undefined;
  asked = 0;
  proposed = 0;
  acks: ProposeOptions['acks'];
  size = 0;
  answer: () => Promise<ProposeAnswer> = () => Promise.reject(new Error('nothing was proposed'));

  clusterStatus(): Promise<ClusterStatus> {
    this.asked++;
    if (this.broken !== undefined) return Promise.reject(this.broken);
    const figures = {
      partition: 0,
      commit: 1,
      applied: 1,
      last: 1,
      replicas: [],
      voters: [],
      learners: [],
    };
    return Promise.resolve({ partitions: [{ ...figures, ...this.group }], peers: [] });
  }

  propose(_: number, __: Uint8Array, options: ProposeOptions): Promise<ProposeAnswer> {
    this.acks = options.acks;
    this.proposed++;
    return this.answer();
  }

  durableSize(): number {
    return this.size;
  }

  /** The replicator asks for nothing else here. */
  asCore(): Core {
    return this as unknown as Core;
  }
}

const GOOD: ProposeAnswer = { epoch: 4, outcomes: new Uint8Array(40), durability: 'durable' };

describe('cluster replicator', () => {
  let core: FakeCore;
  let replicator: ReturnType<typeof createClusterReplicator>;
  let errors: unknown[];
  let roles: Role[];
  /** Milliseconds that repeats waited for; nobody does. */
  let clock: number;
  beforeEach(() => {
    clock = 0;
    core = new FakeCore();
    errors = [];
    roles = [];
    replicator = create(core);
    replicator.onRole((_, role) => roles.push(role));
  });
  afterEach(() => replicator.stop());

  const create = (of: FakeCore, acks: AckPolicy = 'majority') =>
    createClusterReplicator(of.asCore(), {
      partitions: [{ dedupRecords: 1_000 }],
      replicas: 3,
      acks,
      names: NAMES,
      onError: (error) => errors.push(error),
      timing: {
        now: () => clock,
        random: () => 1,
        pause: async (ms, signal) => {
          clock += ms;
          signal?.throwIfAborted();
        },
      },
    });

  it('follows nobody it knows until it has heard who leads', () => {
    assert.deepEqual(replicator.role(0), { kind: 'follower', hint: undefined });
  });

  it('tells each change of role once, leaders by name', async () => {
    core.group = { leads: false, epoch: 2, leader: 2 };
    await until(() => roles.some((role) => role.kind === 'follower' && role.hint === 'node-1'));
    const before = roles.length;
    const asked = core.asked;
    await until(() => core.asked > asked + 1);
    assert.equal(roles.length, before, 'the same role was told twice');
    core.group = { leads: true, epoch: 3 };
    await until(() => replicator.role(0).kind === 'leader');
    core.group = { leads: true, epoch: 5 };
    await until(() => roles.some((role) => role.kind === 'leader' && role.epoch === 5));
    assert.deepEqual(roles.slice(before), [
      { kind: 'leader', epoch: 3 },
      { kind: 'leader', epoch: 5 },
    ]);
    assert.deepEqual(replicator.role(0), { kind: 'leader', epoch: 5 });
  });

  it('tells a late listener what is known, and one that left nothing more', async () => {
    core.group = { leads: true, epoch: 1 };
    await until(() => replicator.role(0).kind === 'leader');
    const late: Role[] = [];
    const leave = replicator.onRole((_, role) => late.push(role));
    assert.deepEqual(late, [{ kind: 'leader', epoch: 1 }]);
    leave();
    core.group = { leads: true, epoch: 2 };
    await until(() => roles.some((role) => role.kind === 'leader' && role.epoch === 2));
    assert.equal(late.length, 1);
  });

  it('says when the core cannot be asked, and goes on with what it knew', async () => {
    core.group = { leads: true, epoch: 1 };
    await until(() => replicator.role(0).kind === 'leader');
    core.broken = new Error('closed');
    await until(() => errors.length > 0);
    assert.deepEqual(replicator.role(0), { kind: 'leader', epoch: 1 });
    assert.equal(errors[0], core.broken);
  });

  it('asks nothing more once it is stopped', async () => {
    await until(() => core.asked > 1);
    replicator.stop();
    const asked = core.asked;
    const other = new FakeCore();
    const { stop } = create(other);
    await until(() => other.asked > 2);
    stop();
    assert.equal(core.asked, asked);
  });

  it('names the number of replicas in each answer', async () => {
    core.answer = () =>
      Promise.resolve({ epoch: 4, outcomes: new Uint8Array(40), durability: 'durable' });
    const answer = await replicator.propose(0, new Uint8Array(8), OPTIONS);
    assert.deepEqual([answer.replicas, answer.epoch, replicator.replicas], [3, 4, 3]);
  });

  it('asks for the acknowledgement policy that it was set to, and says which it is (CG10)', async () => {
    core.answer = () => Promise.resolve(GOOD);
    assert.equal((await propose()).ackPolicy, 'majority');
    assert.equal(core.acks, 'majority');
    replicator.stop();
    replicator = create(core, 'all');
    assert.equal((await propose()).ackPolicy, 'all');
    assert.deepEqual([core.acks, replicator.ackPolicy], ['all', 'all']);
  });

  it('says that nothing was taken where nobody leads, and leaves every other refusal as it is', async () => {
    core.answer = () => Promise.reject(new PyralogError('log/not-leader', 'nobody leads'));
    await assert.rejects(replicator.propose(0, new Uint8Array(8), OPTIONS), {
      code: 'consensus/not-leader',
      message: /a majority of the cluster is needed for that; nothing was taken/,
    });
    core.answer = () => Promise.reject(new PyralogError('log/group-stopped', 'it stopped'));
    await assert.rejects(replicator.propose(0, new Uint8Array(8), OPTIONS), {
      code: 'log/group-stopped',
    });
  });

  /** The core answers so one after the other, and the last one for ever. */
  const answers = (...codes: readonly string[]) => {
    core.answer = () => {
      const code = codes[Math.min(core.proposed, codes.length) - 1] ?? '';
      return code === '' ? Promise.resolve(GOOD) : Promise.reject(new PyralogError(code, code));
    };
  };
  const propose = (signal?: AbortSignal) =>
    replicator.propose(0, new Uint8Array(8), signal ? { ...OPTIONS, signal } : OPTIONS);

  it('proposes again what was left open, and what nobody led for (N12)', async () => {
    answers('log/outcome-unknown', 'log/not-leader', 'log/overloaded', '');
    assert.equal((await propose()).epoch, 4);
    assert.equal(core.proposed, 4);
    assert.equal(clock, 10 + 20 + 40);
  });

  it('does not hide an open outcome behind a later refusal', async () => {
    for (const later of ['log/not-leader', 'log/group-stopped', 'storage/disk-full']) {
      core.proposed = 0;
      answers('log/outcome-unknown', later);
      await assert.rejects(propose(), { code: 'consensus/outcome-unknown' }, later);
    }
  });

  it('leaves a full queue and a caller without patience alone', async () => {
    answers('log/overloaded', '');
    await assert.rejects(propose(), { code: 'log/overloaded' });
    assert.equal(core.proposed, 1);
    core.proposed = 0;
    answers('log/outcome-unknown', '');
    const patience = new AbortController();
    const failing = core.answer;
    core.answer = () => {
      patience.abort(new Error('enough'));
      return failing();
    };
    await assert.rejects(propose(patience.signal), { code: 'consensus/outcome-unknown' });
    assert.equal(core.proposed, 1);
  });

  it('ends after 20 seconds', async () => {
    answers('log/not-leader');
    await assert.rejects(propose(), { code: 'consensus/not-leader' });
    assert.ok(clock > 19_000 && clock < 20_000, `${clock} ms`);
    assert.ok(core.proposed < 60, `${core.proposed} tries`);
  });

  it('repeats nothing that the log may have forgotten', async () => {
    answers('log/outcome-unknown');
    const failing = core.answer;
    core.answer = () => {
      core.size += 300; // others go on
      return failing();
    };
    await assert.rejects(propose(), { code: 'consensus/outcome-unknown' });
    assert.equal(core.proposed, 2);
  });
});
