// `npm run check`: everything a machine can judge without running the program. All checks run, then one table.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { testProfile } from '../native/test-profile.mjs';
import { bootstrap, root } from './bootstrap.mjs';

await bootstrap();
const bin = join(root, 'node_modules', '.bin');
// npm's folder first, so that every tool runs on the pinned Node.
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
const native = join(root, 'native');

const checks = [
  ['types', 'tsc', [], root],
  ['style', 'biome', ['ci', '--error-on-warnings', '.'], root],
  ['layers', 'depcruise', ['--config', '.dependency-cruiser.cjs', '.'], root],
  ['dead code', 'knip', [], root],
  ['rustfmt', 'cargo', ['fmt', '--all', '--check'], native],
  ['clippy', 'cargo', clippy(), native],
  ['licences', 'cargo', ['deny', '--locked', 'check', 'bans', 'licenses', 'sources'], native],
];

const rows = [];
for (const [name, command, args, cwd] of checks) {
  if (name === 'licences' && !hasCargoDeny()) {
    rows.push([name, 'skipped: needs cargo-deny (`cargo install --locked cargo-deny`)']);
    continue;
  }
  const started = Date.now();
  const result = spawnSync(command, args, {
    cwd,
    env,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (result.error) rows.push([name, `FAILED: cannot run ${command}: ${result.error.message}`]);
  else
    rows.push([name, result.status === 0 ? `ok (${seconds} s)` : `FAILED (exit ${result.status})`]);
}
for (const [name, outcome] of rows) process.stdout.write(`${name.padEnd(10)} ${outcome}\n`);
process.exitCode = rows.some(([, outcome]) => outcome.startsWith('FAILED')) ? 1 : 0;

function clippy() {
  const everything = ['--locked', '--workspace', '--all-targets'];
  return ['clippy', ...everything, ...testProfile(native), '--', '-D', 'warnings'];
}

function hasCargoDeny() {
  if (!existsSync(join(native, 'deny.toml'))) return false;
  return spawnSync('cargo', ['deny', '--version'], { cwd: native, stdio: 'ignore' }).status === 0;
}
