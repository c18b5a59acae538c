// `npm test [-- FILE…|--long]`: sets up, runs the Rust and the TypeScript tests, and ends with one plain line.
// With file names only those mocha files run. `--long` adds the suites under test/long.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, getPriority, setPriority, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { testProfile } from '../native/test-profile.mjs';
import { bootstrap, root } from './bootstrap.mjs';

const node = await bootstrap();
const args = process.argv.slice(2);
const files = args.filter((arg) => !arg.startsWith('--'));
const long = args.includes('--long');
const bin = join(root, 'node_modules', '.bin');
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
/** Where `module.enableCompileCache()` keeps it too. Tests start processes by the hundred. */
const compileCache = process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), 'node-compile-cache');
const ASIDE = constants.priority.PRIORITY_BELOW_NORMAL;
const native = join(root, 'native');
const cargoTest = ['test', '--locked', '--workspace', ...testProfile(native)];
const totals = { passed: 0, failed: 0, skipped: 0, reasons: [] };

const rust = files.length === 0 && (await compileRustTests());
await Promise.all([rust && rustTests(), mochaTests()]);

for (const reason of totals.reasons) process.stdout.write(`skipped: ${reason}\n`);
process.stdout.write(
  `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`,
);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

/** Alone: it keeps every core busy. A suite that does not compile reports no tests, so that is a failure. */
async function compileRustTests() {
  const { code } = await run('cargo', [...cargoTest, '--no-run'], { cwd: native });
  if (code !== 0) totals.failed++;
  return code === 0;
}

/** Beside mocha, which leaves most of one core, and with what it leaves: its tests wait for processes and peers. */
async function rustTests() {
  const { code, output } = await run('cargo', cargoTest, { cwd: native, isAside: true });
  let failed = 0;
  for (const line of output.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    totals.passed += Number(line[1]);
    failed += Number(line[2]);
    totals.skipped += Number(line[3]);
  }
  // A suite that dies reports nothing.
  totals.failed += code !== 0 ? Math.max(failed, 1) : failed;
}

async function mochaTests() {
  const folder = mkdtempSync(join(tmpdir(), 'pyralog-test-'));
  const summary = join(folder, 'summary.json');
  const specs = files.length > 0 ? files : long ? ['test/long/**/*.test.ts'] : [];
  const mocha = [join(root, 'node_modules', 'mocha', 'bin', 'mocha.js')];
  if (specs.length > 0)
    mocha.push('--no-config', '--config', 'test/support/mocharc-files.json', ...specs);
  try {
    const { code } = await run(node, mocha, {
      cwd: root,
      extra: { PYRALOG_TEST_SUMMARY: summary, NODE_COMPILE_CACHE: compileCache },
    });
    const result = JSON.parse(readFileSync(summary, 'utf8'));
    totals.passed += result.passed;
    totals.failed += result.failed;
    totals.skipped += result.skipped.length;
    totals.reasons.push(...result.skipped);
    if (code !== 0 && result.failed === 0) totals.failed++;
  } catch (error) {
    process.stderr.write(`pyralog: mocha gave no summary: ${error.message}\n`);
    totals.failed++;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `isAside`: with little priority; what it prints is returned, and shown a suite at a time, amid what others print. */
function run(command, commandArgs, { cwd, isAside = false, extra = {} }) {
  return new Promise((resolve) => {
    const stdio = ['ignore', isAside ? 'pipe' : 'inherit', 'inherit'];
    const child = spawn(command, commandArgs, { cwd, env: { ...env, ...extra }, stdio });
    let output = '';
    let shown = 0;
    const show = (end) => {
      process.stdout.write(output.slice(shown, end));
      shown = end;
    };
    child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
      if (chunk.includes('test result: ')) show(output.lastIndexOf('\n') + 1);
    });
    if (isAside && child.pid !== undefined) setPriority(child.pid, Math.max(getPriority(), ASIDE));
    child.on('error', (error) => {
      process.stderr.write(`pyralog: cannot run ${command}: ${error.message}\n`);
      resolve({ code: 1, output });
    });
    child.on('close', (code) => {
      show(output.length);
      resolve({ code: code ?? 1, output });
    });
  });
}
