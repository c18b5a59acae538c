import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isHealthy, statusLines } from '../../../cli/commands/cluster.ts';
import { readClusterFile } from '../../../node/index.ts';
import { Workspace } from '../../support/node-process.ts';

const status = {
  cluster: 'org-0',
  agreed: { leader: 'node-1', index: '9', voters: 3 },
  partitions: [
    {
      partition: 0,
      origin: 'pyralog/x/org-0/notary/0',
      leads: true,
      leader: 'node-0',
      epoch: '3',
      commit: '17',
      applied: '17',
      last: '18',
      size: '1200',
      replicas: [{ node: 'node-1', index: '17' }],
      voters: ['node-0', 'node-1'],
      learners: [] as string[],
    },
  ],
  members: [
    { node: 'node-0', number: 1, self: true, up: true },
    { node: 'node-1', number: 2, self: false, up: true },
  ],
};

describe('pyralog cluster', function () {
  this.timeout(240_000);
  const workspace = new Workspace();
  after(() => workspace.remove());

  it('shows groups and links, and what is not well', () => {
    assert.equal(isHealthy(status), true);
    assert.deepEqual(statusLines(status), [
      'cluster org-0',
      'cluster group: node-1 leads, 3 replicas a partition wanted',
      'partition 0 (pyralog/x/org-0/notary/0): node-0 leads, epoch 3, 1200 records here',
      '  node-1 has 17 of 18 entries',
      'member 1 node-0: answers',
      'member 2 node-1: linked',
    ]);
    const [group] = status.partitions;
    const [self] = status.members;
    assert.ok(group !== undefined && self !== undefined);
    const { leader: _, ...leaderless } = group;
    const ill = {
      ...status,
      partitions: [{ ...leaderless, leads: false, problem: 'nobody is known to lead it' }],
      members: [self, { node: 'node-1', number: 2, self: false, up: false, problem: 'wrong key' }],
      stranger: 'some other program',
    };
    assert.equal(isHealthy(ill), false);
    assert.equal(isHealthy({ ...status, members: ill.members }), false);
    assert.equal(isHealthy({ ...status, partitions: ill.partitions }), false);
    const text = statusLines(ill).join('\n');
    for (const part of [
      /nobody leads/,
      /not well: nobody is/,
      /no link\n {2}wrong key/,
      /turned/,
    ]) {
      assert.match(text, part);
    }
  });

  it('makes a members file of what each member printed (E13)', async () => {
    await workspace.json(['init', 'a', '--network', 'acme', '--cluster', 'org', '--name', 'a']);
    const genesis = workspace.path('a', 'pyralog-data', 'genesis.json');
    const again = ['--network', 'acme', '--genesis', genesis, '--cluster', 'org'];
    await workspace.json(['init', 'b', ...again, '--name', 'b']);
    const member = (dir: string, number: string) => [
      ...['cluster', 'member', '--number', number, '--address', `127.0.0.1:${7_080 + +number}`],
      ...['--config', workspace.path(dir, 'pyralog.yaml')],
    ];
    for (const [dir, number] of [
      ['b', '2'],
      ['a', '1'],
    ] as const) {
      const entry = await workspace.json(member(dir, number));
      assert.ok(existsSync(workspace.path(dir, 'pyralog-data', 'keys', 'tunnel.json')));
      writeFileSync(workspace.path(`${dir}.json`), JSON.stringify(entry));
    }
    const first = readFileSync(workspace.path('a.json'), 'utf8');
    assert.deepEqual(await workspace.json(member('a', '1')), JSON.parse(first), 'the key stays');

    const make = ['cluster', 'init', '--member', 'b.json', 'a.json', '--out', 'members.json'];
    await workspace.json(make);
    const file = readClusterFile(workspace.path('members.json'));
    assert.deepEqual(
      [file.cluster, file.cosigners, file.faults, file.members.map(({ name }) => name)],
      ['org', 2, 0, ['a', 'b']],
    );
    const twice = await workspace.cli(make);
    assert.equal(twice.code, 1);
    assert.match(twice.stderr, /exists already; nothing was changed/);

    writeFileSync(workspace.path('b.json'), first.replace('"cluster":"org"', '"cluster":"other"'));
    const mixed = await workspace.cli([...make.slice(0, -1), 'other.json']);
    assert.notEqual(mixed.code, 0);
    assert.equal(existsSync(workspace.path('other.json')), false);
  });

  it('refuses numbers and addresses that are none, and a devnet of both kinds', async () => {
    for (const [args, reason] of [
      [['cluster', 'member', '--number', '0', '--address', 'x:1'], /--number 0: a whole number/],
      [['cluster', 'transfer', 'x', 'node-1'], /partition x: a whole number/],
      [['devnet', '--cluster', '3', '--validators', '4'], /--cluster and --validators/],
      [['devnet', '--cluster', '3', '--block-time', '4'], /--cluster and --block-time/],
      [['devnet', '--cluster', '8'], /--cluster 8: a whole number from 1 to 7/],
    ] as const) {
      const { code, stderr } = await workspace.cli(args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, reason);
    }
  });
});
