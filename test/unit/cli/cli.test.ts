import { strict as assert } from 'node:assert';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { silentLogger } from '../../../base/log.ts';
import { EXIT, exitOf } from '../../../cli/exit-codes.ts';
import { allCommands, buildProgram } from '../../../cli/program.ts';
import { createNotary } from '../../../notary/index.ts';
import { formatTrustStore, formatVerificationKey } from '../../../receipt/index.ts';
import { type RpcServer, startRpcServer } from '../../../rpc/index.ts';
import { memoryParts, partitionsOf, SCOPE } from '../../support/memory-notary.ts';
import { realClock } from '../../support/real-clock.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));

describe('the command line', function () {
  this.timeout(60_000);
  const dir = tempDir();
  let server: RpcServer;
  let url = '';
  let trust = '';

  before(async () => {
    const { store, replicator, trust: pinned } = memoryParts(partitionsOf(1), realClock);
    const notary = createNotary({
      replicator,
      checkpoints: replicator,
      logStore: store,
      clock: realClock,
    });
    trust = formatTrustStore(pinned);
    const policies = pinned.policies.map((p) => ({
      ...p,
      keys: p.keys.map(formatVerificationKey),
    }));
    server = await startRpcServer(
      {
        notary,
        info: () => ({ networkId: 'devnet-0011223344556677', version: '0', policies }),
        readiness: () => ({ ready: true, reasons: [] }),
        logger: silentLogger,
        metrics: new Registry(),
      },
      {},
    );
    url = `http://127.0.0.1:${server.address.port}`;
  });
  after(() => server.stop());

  const file = (name: string, text: string) => {
    writeFileSync(join(dir(), name), text);
    return name;
  };

  interface Ran {
    readonly code: number;
    readonly out: string;
    readonly err: string;
  }

  function pyralog(args: readonly string[], input = ''): Promise<Ran> {
    const { promise, resolve } = Promise.withResolvers<Ran>();
    const env = {
      PATH: process.env['PATH'],
      HOME: dir(),
      XDG_CONFIG_HOME: dir(),
      PYRALOG_NODE: url,
    };
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { cwd: dir(), env },
      (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
    );
    child.stdin?.end(input);
    return promise;
  }

  const pin = () => {
    mkdirSync(join(dir(), '.pyralog'), { recursive: true });
    file('.pyralog/trust.json', trust);
  };

  it('stamps files and directories and verifies them offline (E5, E6)', async () => {
    pin();
    file('a.txt', 'hello');
    mkdirSync(join(dir(), 'd/.git'), { recursive: true });
    file('d/b', 'b');
    file('d/.git/config', 'x');
    symlinkSync('b', join(dir(), 'd/link'));
    const stamped = await pyralog(['stamp', 'a.txt', 'd', '--json']);
    assert.equal(stamped.code, 0, stamped.err);
    const answer = JSON.parse(stamped.out);
    assert.deepEqual([answer.stamped, answer.skipped.links, answer.skipped.directories], [2, 1, 1]);
    const verified = await pyralog(['verify', 'a.txt', 'd']);
    assert.equal(verified.code, 0, verified.err);
    assert.match(verified.out, /existed no later than .* \(claimed by the log\)/);
    assert.match(verified.out, /1 of 1 keys, 1 needed, covers crashes only/);
    assert.equal((await pyralog(['stamp', 'd'])).code, 0);
    const again = await pyralog(['stamp', 'a.txt']);
    assert.equal(again.code, EXIT.failed.code);
    assert.match(again.err, /there is a receipt already/);
    assert.equal((await pyralog(['stamp', 'a.txt', '--force'])).code, 0);
    file('new', 'n');
    assert.equal((await pyralog(['stamp', 'new', 'absent'])).code, EXIT.partial.code);
  });

  it('refuses a changed file, a changed receipt, a missing one, missing and other trust', async () => {
    pin();
    file('a', 'hello');
    await pyralog(['stamp', 'a']);
    const receipt = readFileSync(join(dir(), 'a.pyr.json'), 'utf8');
    const refused = async (args: string[], what: RegExp, code: number = EXIT.failed.code) => {
      const ran = await pyralog(['verify', ...args]);
      assert.match(ran.err, what);
      assert.equal(ran.code, code, ran.err);
    };
    file('a', 'hellO');
    await refused(['a'], /it was changed since/);
    file('a', 'hello');
    await refused(['absent'], /absent: no such file/);
    file('bare', 'no receipt beside it');
    await refused(['bare'], /there is no receipt/);
    file('a.pyr.json', `${receipt} `);
    await refused(['a'], /edited or damaged/);
    file('a.pyr.json', receipt.replace('"version": 1', '"version": 2'));
    await refused(['a'], /newer version/);
    file('a.pyr.json', `${receipt.slice(0, receipt.indexOf(',\n  "inclusion"'))}\n}\n`);
    await refused(['a'], /unsigned: not yet signed/, EXIT.notSigned.code);
    file('a.pyr.json', receipt);
    await refused(['a', '--trust', 'nothing.json'], /there is no trust store/);
    file('other.json', trust.replaceAll(SCOPE, SCOPE.replace('0011', 'ffff')));
    await refused(['a', '--trust', 'other.json'], /key id|wrong network/);
    rmSync(join(dir(), '.pyralog'), { recursive: true });
    await refused(['a'], /no trust root .*pyralog trust add/);
  });

  it('stamps standard input, which needs --out', async () => {
    pin();
    assert.equal((await pyralog(['stamp', '-'], 'in')).code, EXIT.usage.code);
    assert.equal((await pyralog(['stamp', '-', '--out', 'in.pyr.json'], 'in')).code, 0);
    assert.equal((await pyralog(['verify', '-', 'in.pyr.json'], 'in')).code, 0);
    assert.equal((await pyralog(['verify', '-', 'in.pyr.json'], 'im')).code, EXIT.failed.code);
  });

  it('pins keys only when told to (E7), then believes them', async () => {
    file('a', 'pinned');
    await pyralog(['stamp', 'a']);
    assert.equal((await pyralog(['trust', 'add', url])).code, EXIT.failed.code);
    assert.equal((await pyralog(['verify', 'a'])).code, EXIT.failed.code);
    const added = await pyralog(['trust', 'add', url, '--yes']);
    assert.equal(added.code, 0, added.err);
    assert.equal((await pyralog(['verify', 'a'])).code, 0);
    assert.equal((await pyralog(['trust', 'list'])).code, 0);
  });

  it('asks the node: info, search, get, log, upgrade', async () => {
    file('a', 'asked');
    await pyralog(['stamp', 'a', '-a', 'sha512']);
    const found = JSON.parse((await pyralog(['search', 'a', '-a', 'sha512', '--json'])).out);
    const { id, offset } = found.records[0];
    const got = JSON.parse((await pyralog(['get', id, '--json'])).out);
    assert.equal(got.receipt.record.scarabId, id);
    for (const args of [
      ['info'],
      ['log', 'info'],
      ['log', 'proof', '-i', String(offset)],
      ['upgrade', 'a'],
    ]) {
      const ran = await pyralog(args);
      assert.equal(ran.code, 0, `${args}: ${ran.err}`);
    }
    assert.equal((await pyralog(['search', '--digest', '00'.repeat(32)])).code, EXIT.failed.code);
  });

  it('lists records from a time on, which it reads strictly (E12)', async () => {
    file('a', 'in time');
    await pyralog(['stamp', 'a']);
    const [record] = JSON.parse((await pyralog(['search', 'a', '--json'])).out).records;
    const at = Number(record.timestamp);
    for (const time of [String(at), new Date(at).toISOString()]) {
      const { out, err } = await pyralog(['search', '--at', time, '-l', '1000', '--json']);
      const ids = JSON.parse(out).records.map(({ id }: { id: string }) => id);
      assert.ok(ids.includes(record.id), err);
    }
    const none = await pyralog(['search', '--at', '9007199254740991']);
    assert.deepEqual([none.code, none.out], [EXIT.failed.code, 'no such record\n']);
    for (const args of [
      ['--at', '2026-11-21T12:00:00'],
      ['--at', '2026-11-21'],
      ['--at', '2026-13-41T12:00:00Z'],
      ['--at', 'yesterday'],
      ['--at', '-1'],
      ['--at', '0', 'a'],
      ['--at', '0', '--digest', '00'.repeat(32)],
      ['--origin', record.origin, 'a'],
      [],
    ]) {
      assert.equal((await pyralog(['search', ...args])).code, EXIT.usage.code, args.join(' '));
    }
  });

  it('tells a node that is not there from wrong usage, also to programs (E1, E3)', async () => {
    file('a', 'x');
    const gone = await pyralog(['stamp', 'a', '--node', 'http://127.0.0.1:1', '--json']);
    assert.equal(gone.code, EXIT.unreachable.code);
    assert.equal(JSON.parse(gone.out).error.code, 'client/unreachable');
    assert.equal((await pyralog(['stamp'])).code, EXIT.usage.code);
    assert.equal((await pyralog(['stmap', 'a'])).code, EXIT.usage.code);
  });

  it('writes 64-bit integers as decimal strings everywhere (E3)', async () => {
    file('a', 'numbers');
    const json = async (...args: string[]) =>
      JSON.parse((await pyralog([...args, '--json'])).out, (name, value) => {
        const integer = ['id', 'offset', 'size', 'index', 'timestamp', 'claimedTime'];
        if (integer.includes(name)) assert.match(value, /^[0-9]+$/, `${args}: ${name}`);
        return value;
      });
    pin();
    const { id, offset } = (await json('stamp', 'a')).files[0];
    await json('verify', 'a');
    await json('get', id);
    await json('search', 'a');
    await json('info');
    assert.ok((await json('log', 'info')).logs.length > 0);
    const proof = await json('log', 'proof', '-i', offset);
    assert.equal(proof.index, offset);
    assert.equal(Buffer.from(proof.root, 'base64').length, 32);
    const { out } = await pyralog(['log', 'proof', '-i', offset]);
    assert.match(out, /^blake3 tree of .*, proof of index \d+ in size \d+\nroot /);
  });

  it('says that a file is in the log already', async () => {
    file('a', 'twice');
    file('b', 'twice');
    const first = await pyralog(['stamp', 'a']);
    assert.doesNotMatch(first.out, /already/);
    assert.match((await pyralog(['stamp', 'b'])).out, /b: already in the log since \d{4}-/);
  });

  it('shows control characters in names, so that a name forges no line', async () => {
    const name = 'x\u001b[31m\nforged: verified';
    file(name, 'forged');
    pin();
    for (const command of ['stamp', 'verify']) {
      const { out } = await pyralog([command, name]);
      assert.match(out, /^x\\x1b\[31m\\x0aforged: verified: /m);
      assert.ok(!out.includes('\u001b') && !out.includes('\nforged'));
    }
  });

  it('never waits for a named pipe', async () => {
    execFileSync('mkfifo', [join(dir(), 'pipe'), join(dir(), 'a.pyr.json')]);
    file('a', 'x');
    for (const args of [
      ['stamp', 'pipe'],
      ['search', 'pipe'],
      ['verify', 'a'],
    ]) {
      const { code, err } = await pyralog(args);
      assert.equal(code, EXIT.failed.code);
      assert.match(err, /regular file/);
    }
  });

  it('says wrong usage as everything else is said (E1, E3)', async () => {
    for (const args of [
      ['stamp', '-x'],
      ['nosuch'],
      ['verify'],
      ['stamp', 'a', '--wait', 'witnessed'],
    ]) {
      const { code, err, out } = await pyralog([...args, '--json']);
      assert.equal(code, EXIT.usage.code);
      assert.match(err, /^pyralog: .*--help/);
      assert.equal(JSON.parse(out).error.code, 'cli/usage');
    }
    assert.match((await pyralog(['help', 'stamp'])).out, /pyralog stamp/);
    for (const [args, why] of [
      [['help', 'bogus'], /no command 'bogus'; see `pyralog --help`/],
      [['receipt', '--help'], /no command 'receipt'/],
      [['help', 'trust', 'bogus'], /no command 'bogus'/],
      [['account', 'transfer', 'a', '1'], /--from .*; see `pyralog account transfer --help`/],
    ] as const) {
      const { code, err, out } = await pyralog(args);
      assert.deepEqual([code, out], [EXIT.usage.code, '']);
      assert.match(err, why);
    }
    assert.match((await pyralog(['trust', 'add', '--help'])).out, /genesis\.json/);
    assert.match(JSON.parse((await pyralog(['--version', '--json'])).out).version, /^\d/);
  });

  it('documents its exit codes as they are (E1)', () => {
    const page = readFileSync('docs/spec/cli.md', 'utf8');
    for (const { code, meaning } of Object.values(EXIT)) {
      assert.ok(page.includes(`| ${code} | ${meaning} |`), meaning);
    }
    assert.equal(exitOf('receipt/not-signed'), EXIT.notSigned.code);
    assert.equal(exitOf('receipt/wrong-data'), EXIT.failed.code);
  });

  it('has examples and --json for every command', () => {
    const program = buildProgram(AbortSignal.abort(), () => {});
    for (const command of allCommands(program)) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) });
      command.outputHelp();
      assert.match(help, /Examples:/, command.name());
      if (command.commands.length === 0) assert.match(help, /--json/, command.name());
    }
  });

  it('completes in three shells', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await pyralog(['completions', shell]);
      assert.equal(code, 0);
      assert.match(out, /stamp/);
    }
    assert.equal((await pyralog(['completions', 'csh'])).code, EXIT.usage.code);
  });
});
