/**
 * Four validators as separate processes with data directories of their own, every message over a socket: notarizations
 * become final, survive what is done to the nodes, and verify with nobody running.
 */
import { strict as assert } from 'node:assert';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DevnetFile } from '../../devnet/index.ts';
import { Workspace } from '../support/node-process.ts';
import { root } from '../support/tidy.ts';

/** Files of this repository that are notarized. */
const FILES = ['README.md', 'LICENSE', 'package.json', 'docs/spec/finality.md'];
/** What the late node has to fetch and check. */
const BLOCKS = 1_000;

interface Status {
  readonly nodes: readonly { name: string; answers: boolean; height: number; records: string }[];
}

describe('network of four validators', function () {
  this.timeout(300_000);
  const workspace = new Workspace();
  let devnet: DevnetFile;
  let exit: Promise<unknown>;
  after(() => workspace.remove());

  before(async () => {
    const running = workspace.launch([
      ...['devnet', 'up', '--port', '0', '--validators', '4', '--block-time', '0'],
      ...['--set', 'consensus.preset=fast', '--set', 'consensus.heartbeatMs=10'],
    ]);
    exit = running.exit;
    const file = workspace.path('.pyralog', 'devnet.json');
    await until(() => existsSync(file) || running.child.exitCode !== null);
    assert.equal(running.child.exitCode, null, 'the devnet did not start');
    devnet = JSON.parse(readFileSync(file, 'utf8'));
    await workspace.json(['devnet', 'wait', '--height', '1']);
  });

  function copy(path: string, name: string): string {
    const to = workspace.path(name);
    mkdirSync(join(to, '..'), { recursive: true });
    // With its own name behind it: the same content again would be the record that is final already.
    writeFileSync(to, `${readFileSync(join(root, path), 'utf8')}\n${name}\n`);
    return name;
  }

  const stamp = async (files: readonly string[], node = devnet.rpc) => {
    const { code, stdout, stderr } = await workspace.cli(['stamp', ...files, '--node', node]);
    assert.equal(code, 0, stdout + stderr);
  };

  const upgrade = (files: readonly string[], node = devnet.rpc, seconds = 30) =>
    workspace.cli([
      'upgrade',
      ...files,
      '--node',
      node,
      '--wait',
      'final',
      '--timeout',
      `${seconds}`,
    ]);

  const toFinal = async (files: readonly string[], node = devnet.rpc) => {
    const { code, stdout, stderr } = await upgrade(files, node);
    assert.equal(code, 0, stdout + stderr);
  };

  const fault = async (...order: readonly string[]) => {
    const { code, stdout, stderr } = await workspace.cli(['devnet', 'fault', ...order]);
    assert.equal(code, 0, stdout + stderr);
  };

  const heights = async () => {
    const { nodes } = await workspace.json<Status>(['devnet', 'status']);
    return new Map(nodes.map(({ name, answers, height }) => [name, answers ? height : -1]));
  };
  const height = async (name: string) => (await heights()).get(name) ?? -1;

  it('makes real notarizations final', async () => {
    const files = FILES.map((path) => copy(path, join('a', path)));
    await stamp(files);
    await toFinal(files);
    const receipt = JSON.parse(readFileSync(workspace.path('a', 'README.md.pyr.json'), 'utf8'));
    assert.equal(receipt.finality.length, 1);
    const verified = await workspace.cli(['verify', ...files]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match(verified.stdout, /no later than/i);
  });

  it('goes on to make them final when one validator is killed, and that one catches up', async () => {
    await fault('kill', 'node-3');
    const file = copy('package.json', 'one-killed.json');
    await stamp([file]);
    await toFinal([file]);
    const reached = await height('node-0');
    await fault('restart', 'node-3');
    await until(async () => (await height('node-3')) >= reached);
  });

  it('makes nothing final when two are killed, still takes submissions, and makes all final afterwards', async () => {
    await fault('kill', 'node-2', 'node-3');
    const file = copy('package.json', 'two-killed.json');
    await stamp([file]);
    const early = await upgrade([file], devnet.rpc, 2);
    assert.notEqual(early.code, 0, 'final with two of four validators');
    const receipt = JSON.parse(readFileSync(workspace.path('two-killed.json.pyr.json'), 'utf8'));
    assert.ok(receipt.checkpoint !== undefined && receipt.finality === undefined);
    await fault('restart', 'node-2', 'node-3');
    await toFinal([file]);
  });

  it('makes nothing final on either side of an even partition, and all of it when it heals', async () => {
    await fault('partition', 'node-0', 'node-1');
    const [here, there] = [copy('LICENSE', 'here.txt'), copy('README.md', 'there.txt')];
    const other = devnet.nodes[3]?.rpc ?? '';
    await stamp([here]);
    await stamp([there], other);
    const early = await Promise.all([upgrade([here], devnet.rpc, 2), upgrade([there], other, 2)]);
    for (const { code } of early) assert.notEqual(code, 0, 'final in half of the network');
    await fault('heal');
    await toFinal([here]);
    await toFinal([there], other);
  });

  it('lets a fifth node that votes for nothing fetch and check the chain from genesis', async () => {
    await until(async () => (await height('node-0')) > BLOCKS, 180_000);
    const genesis = workspace.path('.pyralog', 'devnet', 'genesis.json');
    const peers = devnet.nodes.flatMap(({ p2p }) => ['--peer', p2p]);
    const joined = await workspace.cli([
      'join',
      genesis,
      '--dir',
      'late',
      ...peers,
      '--name',
      'late',
    ]);
    assert.equal(joined.code, 0, joined.stdout + joined.stderr);
    const late = new Workspace(workspace.path('late'));
    const node = await late.start();
    const reached = await height('node-0');
    await until(async () => (await headOf(node.http)) >= reached, 60_000);
    assert.ok((await headOf(node.http)) > BLOCKS);
    assert.equal((await node.stop()).code, 0);
  });

  it('stops without a trace, and its receipts verify with nobody running', async () => {
    assert.equal((await workspace.cli(['devnet', 'down'])).code, 0);
    await exit;
    for (const { rpc } of devnet.nodes) assert.equal(await headOf(rpc).catch(() => -1), -1);
    const files = [
      ...FILES.map((path) => join('a', path)),
      ...['one-killed.json', 'two-killed.json', 'here.txt', 'there.txt'],
    ];
    const verified = await workspace.cli(['verify', ...files]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    rmSync(workspace.path('.pyralog', 'trust.json'));
    assert.notEqual(
      (await workspace.cli(['verify', ...files])).code,
      0,
      'believed without a trust root',
    );
  });
});

async function headOf(url: string): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'chain_head', params: {} }),
  });
  const { result } = (await response.json()) as { result?: { height?: string | number } };
  return Number(result?.height ?? 0);
}

async function until(
  condition: () => boolean | Promise<boolean>,
  waitMsMax = 60_000,
): Promise<void> {
  const deadline = Date.now() + waitMsMax;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited for ${waitMsMax / 1_000} s`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
