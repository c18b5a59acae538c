/**
 * How the workspace is compiled for its tests and for clippy.
 *
 * Both run in the release folder, so that they find there what the add-on was built with: what is not ours is compiled
 * once for the add-on, the bench, the tests and clippy's build scripts, not again for a profile of its own. Our own crates
 * keep what tests need: assertions, overflow checks, line numbers.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Level 1, because crash simulators at level 0 take longer than the compiler saves. */
const SETTINGS = [
  'opt-level = 1',
  'debug = "line-tables-only"',
  'debug-assertions = true',
  'overflow-checks = true',
];

/** Engines that assert how they are called: only their debug builds notice a misuse. */
const ASSERTING = [
  'arc-malachitebft-core-consensus',
  'arc-malachitebft-core-driver',
  'arc-malachitebft-core-state-machine',
  'arc-malachitebft-core-votekeeper',
  'fjall',
  'lsm-tree',
];

/** Only tests use them, and they take longer to optimize than to run. */
const TEST_LIBRARIES = ['proptest', 'regex-syntax'];

/** Without tests of its own; with other settings its build script would run twice. */
const UNTESTED = ['pyralog-node'];

/**
 * Arguments of `cargo test` and `cargo clippy` for the workspace in the folder `native`. Writes a file for cargo below it,
 * so that one crate can be tested by hand with what was compiled: `cargo test --release --config
 * target/test-profile.toml -p CRATE`.
 *
 * @param {string} native
 * @returns {string[]}
 */
export function testProfile(native) {
  const tested = crateNames(native).filter((name) => !UNTESTED.includes(name));
  const tables = [...tested, ...ASSERTING, ...TEST_LIBRARIES].map((name) =>
    [`[profile.release.package.${name}]`, ...SETTINGS, ''].join('\n'),
  );
  mkdirSync(join(native, 'target'), { recursive: true });
  const file = join(native, 'target', 'test-profile.toml');
  writeFileSync(file, tables.join('\n'));
  return ['--release', '--config', file];
}

/** Names of the workspace's packages. */
export function crateNames(native) {
  const crates = join(native, 'crates');
  return readdirSync(crates).map((folder) => {
    const manifest = join(crates, folder, 'Cargo.toml');
    const name = /^name = "(.+)"$/m.exec(readFileSync(manifest, 'utf8'))?.[1];
    if (name === undefined) throw new Error(`${manifest} names no package`);
    return name;
  });
}
