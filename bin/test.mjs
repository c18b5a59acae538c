// `npm test [-- FILE…|--long]`: sets up, runs the Rust and the TypeScript tests, and ends with one plain line.
// With file names only those mocha files run. `--long` adds the suites under test/long.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { bootstrap, root } from './bootstrap.mjs';

const node = await bootstrap();
const args = process.argv.slice(2);
const files = args.filter((arg) => !arg.startsWith('--'));
const long = args.includes('--long');
const bin = join(root, 'node_modules', '.bin');
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
const totals = { passed: 0, failed: 0, skipped: 0, reasons: [] };

if (files.length === 0) await rustTests();
await mochaTests();

for (const reason of totals.reasons) process.stdout.write(`skipped: ${reason}\n`);
process.stdout.write(
  `${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`,
);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

async function rustTests() {
  const before = totals.failed;
  const { code, output } = await run('cargo', ['test', '--locked', '--workspace'], {
    cwd: join(root, 'native'),
    capture: true,
  });
  for (const line of output.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm,
  )) {
    totals.passed += Number(line[1]);
    totals.failed += Number(line[2]);
    totals.skipped += Number(line[3]);
  }
  // A suite that does not compile reports no tests: that is a failure too.
  if (code !== 0 && totals.failed === before) totals.failed++;
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
      extra: { PYRALOG_TEST_SUMMARY: summary },
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

function run(command, commandArgs, { cwd, capture = false, extra = {} }) {
  return new Promise((resolve) => {
    const stdio = capture ? ['ignore', 'pipe', 'inherit'] : ['ignore', 'inherit', 'inherit'];
    const child = spawn(command, commandArgs, { cwd, env: { ...env, ...extra }, stdio });
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += chunk;
      process.stdout.write(chunk);
    });
    child.on('error', (error) => {
      process.stderr.write(`pyralog: cannot run ${command}: ${error.message}\n`);
      resolve({ code: 1, output });
    });
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
