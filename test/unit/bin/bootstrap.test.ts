import { equal, match, ok } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/until.ts';

/** Stands for cargo: says its version, lists three crates, and builds until somebody ends it. */
const cargo = (version: string) => `#!/bin/sh
case "$1" in
  --version) echo "cargo ${version} (0123456 2026-01-01)" ;;
  tree) echo a; echo b; echo 'a (*)'; echo c ;;
  *) echo '   Compiling a v1.0.0' >&2; sleep 600 & echo $! > started.tmp; mv started.tmp started; wait ;;
esac
`;

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    // One that ended stays a zombie until init looks after it.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('the set-up of a fresh clone', function () {
  this.timeout(30_000);
  let root: string;
  const children: ChildProcess[] = [];
  before(function () {
    if (process.platform !== 'linux') this.skip();
  });
  const program = (name: string, text: string) => {
    writeFileSync(join(root, 'path', name), text);
    chmodSync(join(root, 'path', name), 0o755);
  };
  const setUp = () => {
    const child = spawn(process.execPath, [join(root, 'bin', 'bootstrap.mjs')], {
      env: { ...process.env, PATH: `${join(root, 'path')}:${process.env['PATH']}` },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    return { child, said: () => said };
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'pyralog-set-up-'));
    for (const dir of ['bin', 'path', 'node_modules', 'native/crates/node/src']) {
      mkdirSync(join(root, dir), { recursive: true });
    }
    const files = ['native/Cargo.toml', 'native/Cargo.lock', 'native/build.mjs', 'package.json'];
    for (const name of ['bootstrap', 'bundle', 'children']) files.push(`bin/${name}.mjs`);
    for (const file of files) cpSync(file, join(root, file));
    writeFileSync(join(root, 'package-lock.json'), '{}');
    writeFileSync(join(root, 'native/crates/node/src/lib.rs'), '');
    program('npm', '#!/bin/sh\n');
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill();
    rmSync(root, { recursive: true, force: true });
  });

  it('refuses a Rust older than the one that native/Cargo.toml asks for, and takes that one', async () => {
    const least = Number(
      /^rust-version = "1\.(\d+)"$/m.exec(readFileSync('native/Cargo.toml', 'utf8'))?.[1],
    );
    ok(least > 0);
    program('cargo', cargo(`1.${least - 1}.0`));
    const { child, said } = setUp();
    const [code] = await once(child, 'close');
    equal(code, 1);
    match(said(), new RegExp(`Rust is too old .*1\\.${least} or later is needed`));
  });

  it('ends its build and gives its lock back when it is asked to stop', async () => {
    program('cargo', cargo('1.999.0'));
    const { child, said } = setUp();
    const started = join(root, 'native', 'started');
    await until(() => existsSync(started) || child.exitCode !== null);
    ok(existsSync(started), said());
    const pid = Number(readFileSync(started, 'utf8'));
    ok(isAlive(pid) && existsSync(join(root, '.bootstrap.lock')));
    await until(() => /of 3 crates/.test(said()));
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    const [code] = await closed;
    equal(code, 143);
    equal(existsSync(join(root, '.bootstrap.lock')), false);
    await until(() => !isAlive(pid));
  });
});
