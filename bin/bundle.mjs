// The programs of a node as few files of plain JavaScript in .bundle/ (ADR 0017): Node finds and reads some 900 modules
// otherwise, in each thread of each process. Never committed, made again when a source or a package is another one.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One folder below the root, like the sources: what they find relative to themselves is where they look for it. */
const FOLDER = '.bundle';
const MANIFEST = 'manifest.json';

/** Entry in the bundle -> source. The names are those that the sources start a process or a thread with. */
const PROGRAMS = {
  'main.mjs': 'cli/main.ts',
  'child-main.mjs': 'devnet/child-main.ts',
  'rpc-thread.mjs': 'node/rpc-thread.ts',
};
/** Loaded as sources: these two start programs of their own by path. */
const LEFT_OUT = /^\.\/commands\/(bench|sim)\.ts$/;
/** The file of a package that finds its add-on by where it lies itself. */
const ADD_ON = { of: 'classic-level', filter: /^\.\/binding(\.js)?$/ };

/** Path of a bundled entry, or undefined when there is no bundle. */
export function bundledEntry(root, name) {
  const path = join(root, FOLDER, name);
  return existsSync(path) ? path : undefined;
}

/** Whether what lies in the bundle was made of these very sources and packages. */
export function isBundleFresh(root, packages) {
  const { key, inputs } = readManifest(root);
  return key !== undefined && key === keyOf(root, packages, inputs);
}

/**
 * Makes the bundle. False when there is no bundler on this platform, and then there is no bundle either: a stale one
 * would be run. Throws when the sources cannot be bundled.
 */
export async function makeBundle({ root, packages, programs = PROGRAMS }) {
  const folder = join(root, FOLDER);
  const before = readManifest(root);
  const drop = () => {
    for (const name of Object.keys(programs)) rmSync(join(folder, name), { force: true });
  };
  const bundler = await import('esbuild').catch(drop);
  if (bundler === undefined) return false;
  const { outputFiles, metafile } = await bundler
    .build(settings(root, folder, programs))
    .catch((error) => {
      drop();
      throw error;
    })
    .finally(() => bundler.stop());
  mkdirSync(folder, { recursive: true });
  rmSync(join(folder, MANIFEST), { force: true });
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
  for (const [name, source] of Object.entries(programs)) {
    const made = Object.entries(metafile.outputs).find(
      ([, { entryPoint }]) => entryPoint === source,
    );
    replace(join(folder, name), entryText(basename(made[0])));
  }
  const inputs = Object.keys(metafile.inputs).filter((path) => !path.startsWith('node_modules/'));
  const files = outputFiles.map(({ path }) => basename(path));
  // A process that runs the build before may still load a piece of it; nobody runs the one before that.
  const kept = new Set([...files, ...before.files]);
  for (const file of before.olderFiles)
    if (!kept.has(file)) rmSync(join(folder, file), { force: true });
  const key = keyOf(root, packages, inputs);
  const manifest = { key, inputs, files, olderFiles: before.files };
  replace(join(folder, MANIFEST), JSON.stringify(manifest));
  return true;
}

function settings(root, folder, programs) {
  return {
    absWorkingDir: root,
    entryPoints: Object.values(programs),
    outdir: folder,
    entryNames: '[name]-[hash]',
    chunkNames: 'part-[hash]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // As Node itself resolves; the default would prefer files that are meant for bundlers.
    conditions: ['import', 'node'],
    external: ['*.node'],
    // Half of the text that every thread has to read; names stay, and maps lead back to the sources.
    minifyWhitespace: true,
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'silent',
    // CommonJS packages ask for Node's own modules.
    banner: {
      js: "import{createRequire as pyralogRequire}from'node:module';const require=pyralogRequire(import.meta.url);",
    },
    plugins: [{ name: 'left-out', setup: leaveOut }],
  };
}

function leaveOut(build) {
  build.onResolve({ filter: LEFT_OUT }, ({ path }) => ({
    path: `../cli/${path.slice(2)}`,
    external: true,
  }));
  build.onResolve({ filter: ADD_ON.filter }, ({ resolveDir }) =>
    resolveDir.endsWith(join('node_modules', ADD_ON.of))
      ? { path: `${ADD_ON.of}/binding.js`, external: true }
      : undefined,
  );
}

function entryText(part) {
  return [
    "import module from 'node:module';",
    "import { nameSources } from '../bin/source-names.mjs';",
    'module.enableCompileCache();',
    'nameSources(import.meta.url);',
    `await import('./${part}');`,
    '',
  ].join('\n');
}

/** Over the packages, this file, and every source with its name. */
function keyOf(root, packages, inputs) {
  const hash = createHash('sha256').update(packages);
  hash.update(readFileSync(fileURLToPath(import.meta.url)));
  for (const path of inputs) {
    const file = join(root, path);
    if (!existsSync(file)) return '';
    hash.update(`${path}\n`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function readManifest(root) {
  try {
    return JSON.parse(readFileSync(join(root, FOLDER, MANIFEST), 'utf8'));
  } catch {
    return { inputs: [], files: [], olderFiles: [] }; // none yet, or torn: made again
  }
}

/** A process that starts meanwhile reads the old text or the new one. */
function replace(path, text) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
