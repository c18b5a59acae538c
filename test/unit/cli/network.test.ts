import { strict as assert } from 'node:assert';
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT } from '../../../cli/exit-codes.ts';
import { run } from '../../../cli/run.ts';
import { transactionId } from '../../../client/index.ts';
import { formatGenesis, readGenesis, readKeyFile, readKeySummary } from '../../../node/index.ts';
import { encodeReceiptJson, networkId, receiptFromJson } from '../../../receipt/index.ts';
import type { RpcServer } from '../../../rpc/index.ts';
import { FakeChain, refusal } from '../../support/fake-chain.ts';
import type { FakeNotary } from '../../support/fake-notary.ts';
import { NETWORK, startFake } from '../../support/rpc-server.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
const PEER = '/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWExampleExampleExample';
interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the command line of the network', function () {
  this.timeout(60_000);
  const dir = tempDir();
  let server: RpcServer;
  let chain: FakeChain;
  let notary: FakeNotary;
  let url = '';

  beforeEach(async () => {
    chain = new FakeChain();
    const started = await startFake({}, { chain });
    ({ server, notary } = started);
    url = started.http;
  });
  afterEach(() => server.stop(AbortSignal.abort()));

  const at = (name: string) => join(dir(), name);

  /** A process of its own, for what needs one. */
  function spawned(args: readonly string[], input: string) {
    const { promise, resolve } = Promise.withResolvers<Ran>();
    const env = { PATH: process.env['PATH'], HOME: dir(), PYRALOG_NODE: url };
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { cwd: dir(), env },
      (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
    );
    child.stdin?.end(input);
    return promise;
  }

  /** The whole command line in this process: a start of Node for each would be most of the time. */
  async function pyralog(args: readonly string[]): Promise<Ran> {
    const said = { out: '', err: '' };
    const hear = (stream: 'out' | 'err') => (text: string | Uint8Array) => {
      said[stream] += typeof text === 'string' ? text : Buffer.from(text).toString();
      return true;
    };
    const { stdout, stderr, env } = process;
    const before = { cwd: process.cwd(), out: stdout.write, err: stderr.write };
    process.chdir(dir());
    env['PYRALOG_NODE'] = url;
    stdout.write = hear('out');
    stderr.write = hear('err');
    try {
      const code = await run(args);
      return { code, ...said };
    } finally {
      stdout.write = before.out;
      stderr.write = before.err;
      delete env['PYRALOG_NODE'];
      process.chdir(before.cwd);
    }
  }

  const ok = async (...args: string[]) => {
    const { code, out, err } = await pyralog([...args, '--json']);
    assert.equal(code, 0, `${args.join(' ')}: ${err}`);
    return JSON.parse(out) as Record<string, unknown>;
  };

  const refused = async (args: string[], why: RegExp, code: number = EXIT.usage.code) => {
    const ran = await pyralog([...args, '--json']);
    assert.equal(ran.code, code, `${args.join(' ')}: ${ran.err}`);
    assert.match(ran.err, why, args.join(' '));
    assert.equal(JSON.parse(ran.out).ok, false);
  };

  describe('accounts and transactions', () => {
    it('makes an account, and says what it has and its next nonce', async () => {
      const { account } = (await ok('account', 'new', 'me.json', '--name', 'me')) as {
        account: string;
      };
      assert.equal(statSync(at('me.json')).mode & 0o777, 0o600);
      assert.equal(readKeySummary(at('me.json')).purpose, 'transaction');
      chain.accounts.set(account, { nonce: 3n, balance: 2n ** 63n - 1n });
      assert.deepEqual(await ok('account', 'balance', 'me.json'), {
        account,
        balance: '9223372036854775807',
        nonce: '3',
      });
      assert.deepEqual(await ok('account', 'balance', account), {
        account,
        balance: '9223372036854775807',
        nonce: '3',
      });
      assert.deepEqual(await ok('account', 'nonce', account), {
        account,
        nextNonce: '3',
        nonce: '3',
      });
      assert.match((await pyralog(['account', 'nonce', account])).out, /: 3\n$/);
      await refused(['account', 'new', 'me.json'], /never replaced/, EXIT.failed.code);
      await refused(['stamp', 'bad\ufffd.txt'], /or its name is not UTF-8/, EXIT.failed.code);
      const nope = await pyralog(['upgrade', 'nope']);
      assert.equal(nope.err.match(/nope\.pyr\.json/g)?.length, 1, nope.err);
      await refused(['devnet', 'up', '--validators', 'x'], /a whole number from 1 to 16/);
      await refused(['devnet', 'up', '--validators', '0'], /a whole number from 1 to 16/);
    });

    it('transfers: signs for the network, pays the least fee, waits for the block', async () => {
      const { account } = await ok('account', 'new', 'me.json');
      chain.accounts.set(String(account), { nonce: 7n, balance: 1_000_000n });
      const to = '0d'.repeat(32);
      const waiting = ok('account', 'transfer', to, '500', '--from', 'me.json', '--wait', 'final');
      await until(() => chain.batches.length === 1);
      const block = chain.seal();
      const answer = await waiting;
      const bytes = block.transactions[0] ?? new Uint8Array();
      assert.deepEqual(answer['status'], {
        state: 'final',
        height: '1',
        index: '0',
        time: '1790000000001',
      });
      assert.equal(answer['nonce'], '7');
      assert.equal(answer['networkId'], NETWORK);
      assert.equal(answer['fee'], String(1_000 + 10 * bytes.length));
    });

    it('signs without submitting, and submits what was signed elsewhere', async () => {
      await ok('account', 'new', 'me.json');
      const to = '0d'.repeat(32);
      const from = ['--from', 'me.json', '--nonce', '4', '--fee', '9000', '--until', '12'];
      const signed = await ok('account', 'transfer', to, '1', ...from, '--out', 'signed.hex');
      assert.equal(chain.batches.length, 0);
      const text = readFileSync(at('signed.hex'), 'utf8');
      const bytes = Buffer.from(text.trim(), 'hex');
      assert.equal(signed['transaction'], hex(transactionId(bytes)));
      assert.deepEqual([signed['nonce'], signed['fee']], ['4', '9000']);
      const submitted = await ok('tx', 'submit', 'signed.hex');
      assert.deepEqual(submitted['status'], { state: 'pending' });
      const piped = await spawned(['tx', 'submit', '-'], text);
      assert.equal(piped.code, 0, piped.err);
      assert.deepEqual(chain.batches, [1, 1]);
      const id = String(submitted['transaction']);
      assert.deepEqual((await ok('tx', 'status', id))['status'], { state: 'pending' });
      const late = await pyralog(['tx', 'status', id, '--wait', 'final', '--timeout', '1']);
      assert.equal(late.code, EXIT.notSigned.code, late.err);
      chain.drop(bytes, 'chain/expired', 'until 12 has passed');
      const dropped = await pyralog(['tx', 'status', id]);
      assert.equal(dropped.code, EXIT.failed.code);
      assert.match(dropped.out, /dropped: until 12 has passed \(chain\/expired\)/);
      const unknown = await pyralog(['tx', 'status', '00'.repeat(32)]);
      assert.equal(unknown.code, EXIT.failed.code);
      assert.match(unknown.out, /has not seen it/);
    });

    it('says what was wrong with what it was given, before asking a node', async () => {
      await ok('account', 'new', 'me.json');
      const to = '0d'.repeat(32);
      const transfer = (...args: string[]) => ['account', 'transfer', ...args];
      const from = ['--from', 'me.json'];
      await refused(transfer('0D'.repeat(32), '1', ...from), /64 lower-case hex/);
      await refused(transfer(to, '1.5', ...from), /amount is a whole number/);
      await refused(transfer(to, '9223372036854775808', ...from), /below 2\^63/);
      await refused(transfer(to, '1', ...from, '--nonce', 'x'), /--nonce/);
      await refused(transfer(to, '1', ...from, '--fee', '-1'), /--fee/);
      await refused(transfer(to, '1', ...from, '--until', 'soon'), /--until/);
      await refused(transfer(to, '1', ...from, '--wait', 'final', '--timeout', '0'), /--timeout/);
      await refused(transfer(to, '1'), /--from/);
      await refused(transfer(to, '1', '--from', 'none.json'), /none.json/, EXIT.failed.code);
      await ok('keys', 'new', 'vote', 'vote.json', '--name', 'v');
      await refused(transfer(to, '1', '--from', 'vote.json'), /is a vote key/);
      await refused(['account', 'balance', 'vote.json'], /is a vote key/);
      await refused(['account', 'balance', 'zzz'], /neither an account .* nor a key file/);
      await refused(transfer(to, '0', '--from', 'me.json'), /the amount is at least 1/);
      await refused(['tx', 'status', 'ab'], /64 lower-case hex/);
      writeFileSync(at('bad.hex'), 'zz\n');
      await refused(['tx', 'submit', 'bad.hex'], /bad\.hex: is no signed transaction/);
      writeFileSync(at('pass.txt'), 'correct horse battery staple\n');
      const secret = await pyralog(['tx', 'submit', 'pass.txt', '--json']);
      assert.doesNotMatch(secret.err + secret.out, /horse/);
      writeFileSync(at('empty.hex'), '\n');
      await refused(['tx', 'submit', 'empty.hex'], /is empty/);
      writeFileSync(at('long.hex'), '00'.repeat(70_000));
      await refused(['tx', 'submit', 'long.hex'], /longer than any/, EXIT.failed.code);
      await refused(['tx', 'submit', 'none.hex'], /no such file/, EXIT.failed.code);
      assert.equal(chain.batches.length, 0);
    });

    it('tells the block of a transaction that is final already when it is handed in again', async () => {
      await ok('account', 'new', 'me.json');
      const from = ['--from', 'me.json', '--nonce', '0', '--fee', '9000', '--out', 'signed.hex'];
      await ok('account', 'transfer', '0d'.repeat(32), '1', ...from);
      await ok('tx', 'submit', 'signed.hex');
      chain.refuse = () => refusal('chain/bad-nonce', 'nonce 0 was used already (X4)');
      const again = ['tx', 'submit', 'signed.hex'];
      await refused(again, /nonce 0 was used already/, EXIT.failed.code);
      chain.seal();
      for (const wait of ['pending', 'final']) {
        const { status } = await ok(...again, '--wait', wait);
        assert.deepEqual(status, {
          state: 'final',
          height: '1',
          index: '0',
          time: '1790000000001',
        });
      }
    });

    it('hands on why the mempool refused', async () => {
      await ok('account', 'new', 'me.json');
      const to = '0d'.repeat(32);
      const args = ['account', 'transfer', to, '1', '--from', 'me.json'];
      for (const [code, message] of [
        ['chain/bad-nonce', 'nonce 0 was used; the next is 4'],
        ['chain/insufficient-balance', 'has 0, needs 2001'],
        ['chain/fee-too-low', 'the least is 3000'],
      ] as const) {
        chain.refuse = () => refusal(code, message);
        const { code: exit, out, err } = await pyralog([...args, '--json']);
        assert.equal(exit, EXIT.failed.code);
        assert.equal(JSON.parse(out).error.code, code);
        assert.ok(err.includes(message));
      }
    });

    it('signs for no other network than the key is named for', async () => {
      const name = 'pyralog/acme-0011223344556677/eu/node-0';
      await ok('account', 'new', 'me.json', '--name', name);
      const args = ['account', 'transfer', '0d'.repeat(32), '1', '--from', 'me.json'];
      await refused(
        args,
        /for network acme-0011223344556677, but the node is on/,
        EXIT.failed.code,
      );
      assert.equal(chain.batches.length, 0);
    });

    it('reads blocks and peers', async () => {
      assert.deepEqual(await ok('chain', 'head'), { height: '0' });
      await refused(['chain', 'block'], /no final block of height 0/, EXIT.failed.code);
      chain.seal();
      const time = '1790000000001';
      assert.deepEqual(await ok('chain', 'head'), { height: '1', id: '01'.repeat(32), time });
      const block = await ok('chain', 'block', '1');
      assert.deepEqual([block['height'], block['time'], block['transactions']], ['1', time, []]);
      assert.match((await pyralog(['chain', 'block'])).out, /^block 1 0101/);
      await refused(['chain', 'block', 'x'], /the height is a whole number/);
      assert.equal(((await ok('net', 'peers'))['peers'] as unknown[]).length, 1);
      assert.match((await pyralog(['net', 'peers'])).out, /12D3KooWExample to \/ip4/);
    });

    it('upgrades receipts to final, and says when they are not yet (3)', async () => {
      notary.hasChain = true;
      const digest = new Uint8Array(32).fill(7);
      const submission = { algorithm: 'sha256', digest, submitter: '' } as const;
      await notary.submit([submission], { waitFor: 'durable' });
      const id = notary.records[0]?.id ?? 0n;
      const receipt = await notary.receipt(id, { waitFor: 'durable' });
      assert.ok(receipt !== undefined);
      writeFileSync(at('a.pyr.json'), encodeReceiptJson(receipt));
      const gate = Promise.withResolvers<void>();
      notary.gate = gate.promise;
      const late = await pyralog(['upgrade', 'a.pyr.json', '--wait', 'final', '--timeout', '1']);
      assert.equal(late.code, EXIT.notSigned.code, late.err);
      assert.match(late.out, /a.pyr.json: durable\n/);
      notary.gate = undefined;
      const done = await pyralog(['upgrade', 'a.pyr.json', '--wait', 'final']);
      assert.equal(done.code, 0, done.err);
      assert.match(done.out, /a.pyr.json: final, upgraded/);
      const kept = readFileSync(at('a.pyr.json'), 'utf8');
      const read = receiptFromJson(JSON.parse(kept));
      assert.ok(read.ok && read.value.finality?.length === 1);
      assert.match((await pyralog(['upgrade', 'a.pyr.json'])).out, /a.pyr.json: final\n/);
      assert.equal(readFileSync(at('a.pyr.json'), 'utf8'), kept);
    });

    it('waits for the chain no longer than it was told to, whatever the number of tries and files (3)', async () => {
      notary.hasChain = true;
      const asked: (string | undefined)[] = [];
      const upgrade = notary.upgrade.bind(notary);
      notary.upgrade = (receipt, options) => {
        asked.push(options?.waitFor);
        return options?.waitFor === 'final' ? new Promise(() => {}) : upgrade(receipt, options);
      };
      for (const name of ['a', 'b']) writeFileSync(at(name), name);
      const late = await pyralog(['stamp', 'a', 'b', '--wait', 'final', '--timeout', '1']);
      assert.equal(late.code, EXIT.notSigned.code, late.err);
      assert.match(late.err, /a: not final yet: no outcome within \d+ ms/);
      assert.deepEqual(asked, ['final', 'durable']);
      asked.length = 0;
      const receipts = ['a.pyr.json', 'b.pyr.json'];
      const still = await pyralog(['upgrade', ...receipts, '--wait', 'final', '--timeout', '1']);
      assert.equal(still.code, EXIT.notSigned.code, still.err);
      assert.deepEqual(asked, ['final', 'durable', 'durable']);
    });

    it('says that it waits for a node that does not answer, and gives up in time (4, E4)', async () => {
      const requests: string[] = [];
      const silent = createServer((request) => void requests.push(request.url ?? ''));
      await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done));
      const node = ['--node', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`];
      writeFileSync(at('a'), 'a');
      try {
        const args = ['stamp', 'a', '--wait', 'final', '--timeout', '1', ...node];
        const { code, err } = await pyralog(args);
        assert.equal(code, EXIT.unreachable.code, err);
        assert.match(err, /waiting for http:\S+ to answer, 2 s so far\n.*no answer within/);
        assert.equal(requests.length, 1);
        const to = '0d'.repeat(32);
        await ok('account', 'new', 'me.json');
        const transfer = ['account', 'transfer', to, '1', '--from', 'me.json', '--timeout', '1'];
        await refused([...transfer, ...node], /no answer within/, EXIT.unreachable.code);
        assert.equal(requests.length, 2);
      } finally {
        silent.closeAllConnections();
        silent.close();
      }
    });

    it('says that a node is on no chain', async () => {
      await server.stop(AbortSignal.abort());
      const started = await startFake();
      ({ server } = started);
      url = started.http;
      await refused(['chain', 'head'], /is on no chain/, EXIT.failed.code);
      await refused(['net', 'peers'], /is on no chain/, EXIT.failed.code);
    });
  });

  describe('making and joining a network', () => {
    const validators = async (count: number) => {
      await ok('genesis', 'new', 'draft.json', '--network', 'acme');
      for (let i = 0; i < count; i++) {
        const name = `node-${i}`;
        await ok(
          'init',
          name,
          '--validator',
          '--network',
          'acme',
          '--name',
          name,
          '--cluster',
          'eu',
        );
        const line = `${name}/validator/validator.json`;
        const power = ['--power', String(10 + i), '--balance', '5000'];
        await ok('genesis', 'add-validator', 'draft.json', line, ...power);
      }
    };

    it('goes from keys to a genesis to data directories of validators and full nodes', async () => {
      await validators(2);
      await ok('account', 'new', 'me.json');
      await ok('genesis', 'add-account', 'draft.json', 'me.json', '777');
      const { networkId: id } = await ok('genesis', 'finalize', 'draft.json');
      const genesis = readGenesis(at('genesis.json'));
      assert.equal(id, networkId(genesis));
      assert.match(String(id), /^acme-[0-9a-f]{16}$/);
      assert.deepEqual(
        genesis.chain?.validators.map(({ name, power }) => [name, power]),
        [
          ['node-1', 11n],
          ['node-0', 10n],
        ],
      );
      assert.equal(genesis.chain?.accounts.length, 3);

      const made = await ok(
        'join',
        'genesis.json',
        '--dir',
        'node-0',
        '--new-validator',
        '-p',
        PEER,
      );
      assert.deepEqual(
        [made['networkId'], made['role'], made['inGenesis'], made['balance']],
        [id, 'validator', true, '5000'],
      );
      const keys = join(at('node-0'), 'pyralog-data', 'keys');
      for (const purpose of ['vote', 'transaction', 'transport', 'cosigning', 'log'] as const) {
        const key = await readKeyFile(join(keys, `${purpose}.json`));
        assert.equal(key.purpose, purpose);
        assert.ok(key.name.startsWith(`pyralog/${String(id)}/eu/`), key.name);
      }
      const vote = readKeySummary(join(keys, 'vote.json')).publicKey;
      assert.deepEqual(Buffer.from(vote), Buffer.from(genesis.chain?.validators[1]?.key ?? []));
      assert.ok(existsSync(join(at('node-0'), 'pyralog-data', 'consensus', 'protection.db')));
      const found = async () => {
        const { findings } = await ok('doctor', '--dir', join('node-0', 'pyralog-data'));
        assert.ok(Array.isArray(findings));
        return findings.find(({ check }) => check === 'vote key');
      };
      assert.equal((await found()).state, 'ok');
      renameSync(join(keys, 'vote.json'), at('vote-aside.json'));
      const { state, detail } = await found();
      assert.equal(state, 'warning');
      assert.match(detail, /validator node-0.*never votes/);
      renameSync(at('vote-aside.json'), join(keys, 'vote.json'));
      const config = readFileSync(join(at('node-0'), 'pyralog.yaml'), 'utf8');
      assert.ok(config.includes(PEER) && config.includes('cluster: eu'), config);

      const full = await ok(
        'join',
        'genesis.json',
        '--dir',
        'late',
        '--peer',
        PEER,
        '--name',
        'late',
      );
      assert.deepEqual([full['role'], full['balance']], ['full', '0'], 'genesis gives it nothing');
      // What is no key is passed over in a directory, however open it is.
      const made0 = await ok('keys', 'list', 'node-0/validator', 'node-0/pyralog-data');
      assert.equal((made0['keys'] as unknown[]).length, 3);
      await refused(['keys', 'list', 'genesis.json'], /genesis\.json: not a/, EXIT.failed.code);
      const fullKeys = join(at('late'), 'pyralog-data', 'keys');
      assert.equal(existsSync(join(fullKeys, 'vote.json')), false);
      assert.ok(existsSync(join(fullKeys, 'transport.json')));
      const listed = await pyralog(['keys', 'list', fullKeys]);
      assert.match(listed.out, /transport key of pyralog\/acme-[0-9a-f]{16}\/late\/late/);
    });

    it('makes a slashing protection for a key that never signed, and no second one (P26)', async () => {
      await validators(1);
      await ok('genesis', 'finalize', 'draft.json');
      const args = ['join', 'genesis.json', '--dir', 'node-0', '--peer', PEER];
      await refused(args, /pass --new-validator if this key never signed, else copy consensus\//);
      assert.equal(existsSync(join(at('node-0'), 'pyralog.yaml')), false);
      await ok(...args, '--new-validator');
      await refused([...args, '--new-validator'], /exists already/, EXIT.failed.code);
      // The node is lost, its keys are not: a new protection would forget what the key has signed.
      const data = join(at('node-0'), 'pyralog-data');
      const saved = readFileSync(join(data, 'consensus', 'protection.db'));
      rmSync(data, { recursive: true });
      rmSync(join(at('node-0'), 'pyralog.yaml'));
      mkdirSync(at('other'));
      await refused(args, /pass --new-validator/);
      const elsewhere = [
        'join',
        'genesis.json',
        '--dir',
        'other',
        '--peer',
        PEER,
        '--new-validator',
      ];
      await refused(elsewhere, /there is none in/);
      // Restored: it is kept as it was.
      mkdirSync(join(data, 'consensus'), { recursive: true });
      writeFileSync(join(data, 'consensus', 'protection.db'), saved);
      await ok(...args);
      assert.deepEqual(readFileSync(join(data, 'consensus', 'protection.db')), saved);
    });

    it('refuses validator keys that went to work on another network (P26)', async () => {
      await validators(1);
      await ok('genesis', 'finalize', 'draft.json');
      const join = ['--dir', 'node-0', '--peer', PEER, '--new-validator'];
      await ok('join', 'genesis.json', ...join);
      rmSync(at('node-0/pyralog.yaml'));
      rmSync(at('node-0/pyralog-data'), { recursive: true });
      await ok('genesis', 'finalize', 'draft.json', '--out', 'second.json');
      await refused(['join', 'second.json', ...join], /went to work on acme-/, EXIT.failed.code);
    });

    it('refuses drafts and genesis documents that make no network', async () => {
      await ok('genesis', 'new', 'draft.json', '--network', 'acme');
      const draft = readFileSync(at('draft.json'), 'utf8');
      const fail = EXIT.failed.code;
      await refused(['genesis', 'new', 'draft.json', '--network', 'acme'], /exists already/, fail);
      await refused(['genesis', 'new', 'x.json', '--network', 'Acme'], /not a network name/);
      await refused(
        ['genesis', 'new', 'x.json', '--network', 'a', '--fee-base', 'x'],
        /--fee-base/,
      );
      await refused(['genesis', 'finalize', 'draft.json'], /has no validator/, fail);
      const key = '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29';
      const add = ['genesis', 'add-validator', 'draft.json'];
      const flags = ['--name', 'node-0', '--vote-key', key, '--account', key];
      await refused(add, /give --name, --vote-key and --account/);
      await refused([...add, ...flags, '--power', '0'], /--power is at least 1/);
      await refused([...add, ...flags, '--vote-key', 'ab'], /64 lower-case hex/);
      await refused([...add, ...flags, '--name', 'Node'], /not a node name/);
      await ok(...add, ...flags);
      await refused([...add, ...flags], /has that name or key already/, fail);
      const account = ['genesis', 'add-account', 'draft.json', key];
      await refused([...account, '0'], /at least 1/);
      await ok(...account, '9223372036854775807');
      await refused([...account, '5'], /has a balance already/, fail);
      const kept = readFileSync(at('draft.json'), 'utf8');
      const more = ['genesis', 'add-account', 'draft.json', 'cd'.repeat(32), '1'];
      await refused(more, /below 2\^63; nothing was changed/, fail);
      const strong = ['--name', 'node-1', '--vote-key', 'ab'.repeat(32), '--account', key];
      await refused([...add, ...strong, '--power', '1'], /is no Ed25519 key/, fail);
      const mighty = [
        '--name',
        'node-1',
        '--vote-key',
        '8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c',
        '--account',
        key,
        '--power',
      ];
      await refused([...add, ...mighty, `${2n ** 60n}`], /at most 2\^60/, fail);
      assert.equal(readFileSync(at('draft.json'), 'utf8'), kept);
      await ok(...add, ...mighty, `${2n ** 60n - 1n}`);
      await ok('genesis', 'finalize', 'draft.json');
      writeFileSync(at('draft.json'), draft.replace('"version": 1', '"version": 2'));
      await refused(['genesis', 'finalize', 'draft.json'], /no genesis-draft of version 1/, fail);
      await refused(['genesis', 'finalize', 'none.json'], /no such file/, fail);
    });

    it('says that a directory cannot be made where it was told to (1)', async () => {
      await validators(1);
      await ok('genesis', 'finalize', 'draft.json');
      writeFileSync(at('FILE'), '');
      const flags = ['--network', 'acme', '--name', 'n'];
      for (const args of [
        ['init', 'FILE', ...flags],
        ['init', 'FILE/sub', ...flags],
        ['init', 'FILE', '--validator', ...flags],
        ['join', 'genesis.json', '--dir', 'FILE', '--name', 'n'],
      ]) {
        await refused(args, /FILE: is a file, not a directory/, EXIT.failed.code);
      }
      for (const place of existsSync('/proc/self') ? ['/proc/x', '/proc/x/y', '/sys/x'] : []) {
        await refused(['init', place, ...flags], /\/x.*: cannot be made/, EXIT.failed.code);
      }
    });

    it('refuses to join what cannot be joined', async () => {
      await validators(1);
      await ok('genesis', 'finalize', 'draft.json');
      await refused(['join', 'none.json'], /no such file/, EXIT.failed.code);
      await refused(['join', 'draft.json'], /genesis/, EXIT.failed.code);
      const { chain: _chain, ...chainless } = readGenesis(at('genesis.json'));
      writeFileSync(at('chainless.json'), formatGenesis(chainless));
      await refused(['join', 'chainless.json'], /has no chain/);
      await refused(['join', 'genesis.json', '--dir', 'x'], /name the node with --name/);
      await refused(['join', 'genesis.json', '--dir', 'x', '--name', 'X'], /not a node name/);
      await refused(
        ['join', 'genesis.json', '--dir', 'x', '-p', '127.0.0.1:1'],
        /address of a peer/,
      );
      const named = [
        'join',
        'genesis.json',
        '--dir',
        'node-0',
        '--new-validator',
        '--name',
        'nobody',
      ];
      await refused(named, /genesis calls this validator node-0, not nobody/);
      await ok('init', 'other', '--validator', '--network', 'beta');
      await refused(['join', 'genesis.json', '--dir', 'other'], /made for beta/, EXIT.failed.code);
      await refused(['init', 'other', '--validator', '--network', 'beta'], /exists already/, 1);
      await refused(['init', 'other'], /has validator keys/);
      await refused(['init', 'new', '--validator', '--genesis', 'genesis.json'], /pyralog join/);
      await refused(['init', 'new', '--validator', '--name', 'N'], /not a node name/);
      await refused(
        ['init', 'new', '--cluster', 'a/b'],
        /^pyralog: a\/b: not a cluster name, which/,
      );
    });
  });
});
