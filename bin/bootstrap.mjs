// Makes a fresh clone runnable, and otherwise gets out of the way in well under 200 ms. Plain JavaScript without
// dependencies: it runs on whatever Node (20 or later) the user has, before anything is installed.
//
// Four steps, each skipped when its inputs hash to what was recorded the last time it succeeded:
//   1. npm packages   (package.json, package-lock.json)       -> node_modules/
//   2. native core    (native/**/*.rs, *.toml, Cargo.lock …)  -> native/pyralog.node
//   3. the bundle     (the sources it is made of)             -> .bundle/, without which the sources run, only slower
//   4. the pinned Node 24, which comes as an npm package.
// Hashes, not times: a checkout or a restored cache has arbitrary mtimes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBundleFresh, makeBundle } from './bundle.mjs';
import { endingChildren, spawnChild } from './children.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));
const NODE_MAJOR = 24;
const packagesMark = join(root, 'node_modules', '.pyralog-packages');
const nativeMark = join(root, 'native', 'pyralog.node.hash');
const nativeBinary = join(root, 'native', 'pyralog.node');

/** Installs what is missing and returns the path of the Node that runs TypeScript. */
export async function bootstrap() {
  const packages = packagesHash();
  if (packages !== read(packagesMark) || nativeHash() !== builtNativeHash()) await underLock(setUp);
  if (!isBundleFresh(root, packages)) await underLock(bundle);
  return pinnedNode();
}

/** Whether `node` can run the sources by itself, so that no second process is needed. */
export function isPinned() {
  return Number(process.versions.node.split('.')[0]) === NODE_MAJOR;
}

async function setUp() {
  const packages = packagesHash();
  if (packages !== read(packagesMark)) await installPackages();
  const native = nativeHash();
  if (native !== builtNativeHash()) {
    requireTools();
    say('building the native core (the first time: a few minutes)');
    const { buildNative } = await import('../native/build.mjs');
    await buildNative({ root, log: say, spawn: spawnChild });
    writeFileSync(nativeMark, native);
  }
}

/** Sources that cannot be bundled are run as they are: then they say themselves what is wrong with them. */
async function bundle() {
  const packages = packagesHash();
  if (isBundleFresh(root, packages)) return;
  try {
    await makeBundle({ root, packages });
  } catch (error) {
    say(`running the sources without a bundle: ${error.message}`);
  }
}

async function installPackages() {
  const started = Date.now();
  say('installing npm packages');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const child = spawnChild(
    npm,
    // EBADENGINE is about the Node that runs npm, not the pinned one that runs us.
    ['install', '--no-audit', '--no-fund', '--loglevel=error', '--progress=false'],
    { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' },
  );
  const status = await new Promise((ended) => {
    child.once('error', (error) =>
      fail(`cannot run npm (${error.message}): install Node.js with npm`),
    );
    child.once('close', ended);
  });
  if (status !== 0) fail(`npm install failed with exit code ${status}: see its message above`);
  // Hashed again: npm may complete the lock file with this platform's optional packages.
  writeFileSync(packagesMark, packagesHash());
  say(`npm packages installed in ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

function requireTools() {
  const cargo = version('cargo', ['--version']);
  const rust =
    'install Rust with rustup (see rust-lang.org/tools/install), or `rustup update stable`';
  if (cargo === undefined) fail(`Rust is missing (no \`cargo\` on the PATH): ${rust}`);
  const minor = Number(/ 1\.(\d+)\./.exec(cargo)?.[1] ?? 0);
  const least = rustMinor();
  if (minor < least)
    fail(`Rust is too old (${cargo.trim()}; 1.${least} or later is needed): ${rust}`);
  const compilers = process.env.CC ? [process.env.CC] : ['cc', 'gcc', 'clang'];
  if (process.platform !== 'win32' && !compilers.some((cc) => version(cc, ['--version']))) {
    const hint =
      process.platform === 'darwin' ? 'xcode-select --install' : 'apt-get install build-essential';
    fail(`a C compiler is missing (no ${compilers.join(', ')}): \`${hint}\``);
  }
}

/** The second number of the oldest Rust that builds the core, from where cargo reads it too. */
function rustMinor() {
  return Number(/^rust-version = "1\.(\d+)/m.exec(read(join(root, 'native', 'Cargo.toml')))?.[1]);
}

function version(command, args) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined; // absent or not runnable: the caller says what to install
  }
}

/** Only one process installs or builds at a time; the others wait for it and find the work done. */
async function underLock(work) {
  const path = join(root, '.bootstrap.lock');
  for (let waited = false; ; waited = true) {
    try {
      const lock = openSync(path, 'wx');
      writeSync(lock, String(process.pid));
      closeSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const holder = Number(read(path));
      if (holder > 0 && !alive(holder)) rmSync(path, { force: true });
      else if (!waited)
        say(`waiting for another set-up to finish (process ${holder || 'unknown'})`);
      await new Promise((done) => setTimeout(done, 200));
    }
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    await endingChildren(work);
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function packagesHash() {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\n`);
  for (const file of ['package.json', 'package-lock.json']) hash.update(read(join(root, file)));
  return hash.digest('hex');
}

function builtNativeHash() {
  return existsSync(nativeBinary) ? read(nativeMark) : '';
}

/** Hash over every source the addon is made of, names included. */
export function nativeHash() {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\n`);
  const visit = (folder) => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!['target', 'tests', 'benches'].includes(entry.name)) visit(path);
      } else if (/\.rs$|\.toml$|^Cargo\.lock$|^build\.mjs$/.test(entry.name)) {
        hash.update(`${path}\n`).update(readFileSync(join(root, path)));
      }
    }
  };
  visit('native');
  return hash.digest('hex');
}

function pinnedNode() {
  const exe = process.platform === 'win32' ? 'node.exe' : 'node';
  const platform = process.platform.replace('win32', 'win');
  const pinned = join(root, 'node_modules', `node-${platform}-${process.arch}`, 'bin', exe);
  if (existsSync(pinned)) return realpathSync(pinned);
  if (isPinned()) return process.execPath;
  return fail(
    `no Node ${NODE_MAJOR} for ${process.platform}-${process.arch} from npm: install Node ${NODE_MAJOR} and try again`,
  );
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function say(message) {
  process.stderr.write(`pyralog: ${message}\n`);
}

function fail(message) {
  say(message);
  process.exit(1);
}

if (
  process.argv[1] !== undefined &&
  realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
) {
  const started = Date.now();
  const node = await bootstrap();
  say(`ready on ${node} (${Date.now() - started} ms)`);
}
