import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { findKeyValuePeer } from '../../../bench/peers/key-value/install.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** In place of npm: what it does. */
const REFUSES = 'echo "no binaries for this machine" >&2; exit 1';
/** Starts a compiler, tells its number, and waits for it. */
const COMPILES = 'sleep 600 & echo $! >"$STARTED.new"; mv "$STARTED.new" "$STARTED"; wait';

describe('bench: stores of others', () => {
  const dir = tempDir();
  const saved = { ...process.env };
  const context = (signal = new AbortController().signal, quick = false) => ({
    quick,
    dir: dir(),
    signal,
    figure: () => {},
    progress: () => {},
  });

  function npmThat(does: string): void {
    const bin = join(dir(), 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'npm'), `#!/bin/sh\n${does}\n`);
    chmodSync(join(bin, 'npm'), 0o755);
    process.env['PATH'] = `${bin}${delimiter}${saved['PATH']}`;
    process.env['XDG_CACHE_HOME'] = join(dir(), 'cache');
    process.env['STARTED'] = join(dir(), 'started');
  }

  afterEach(() => {
    for (const name of ['PATH', 'XDG_CACHE_HOME', 'STARTED']) {
      if (saved[name] === undefined) delete process.env[name];
      else process.env[name] = saved[name];
    }
  });

  it('are named with the reason when they do not install, and not tried again', async () => {
    npmThat(REFUSES);
    const found = await findKeyValuePeer('rocksdb', context());
    assert.ok('missing' in found);
    assert.match(found.missing, /exited with 1: no binaries for this machine; remove .* to try/);
    npmThat('exit 0');
    assert.deepEqual(await findKeyValuePeer('rocksdb', context()), found);
  });

  it('are not installed by a quick run', async () => {
    npmThat(REFUSES);
    const found = await findKeyValuePeer('rocksdb', context(undefined, true));
    assert.deepEqual(found, { missing: 'a run without --quick tries to, once' });
    assert.ok(!existsSync(join(dir(), 'cache')));
  });

  it('leave no compiler behind when the bench is interrupted', async () => {
    npmThat(COMPILES);
    const stop = new AbortController();
    const found = findKeyValuePeer('rocksdb', context(stop.signal));
    const started = join(dir(), 'started');
    while (!existsSync(started)) await new Promise((done) => setTimeout(done, 5));
    stop.abort(new Error('interrupted'));
    await assert.rejects(found, /interrupted/);
    const compiler = Number(readFileSync(started, 'utf8'));
    while (isRunning(compiler)) await new Promise((done) => setTimeout(done, 5));
  });
});

/** What was killed and not waited for yet does not run. */
function isRunning(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return false;
  return !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
}
