import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { badConfig, parseValue, type Settings, settingsOfDocument, unknownName } from './check.ts';
import { type ConfigValue, configFields } from './fields.ts';
import type { Config } from './schema.ts';

/** Looked for in the working directory when no other file is named. */
export const CONFIG_FILE = 'pyralog.yaml';

/** Variables that are not settings: which file, which node, which trust store, a key's passphrase, the devnet's directory. */
const OTHER_VARIABLES: readonly string[] = [
  'PYRALOG_CONFIG',
  'PYRALOG_NODE',
  'PYRALOG_TRUST',
  'PYRALOG_PASSPHRASE',
];

export interface ConfigSources {
  /** Named by `--config`; must exist then. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Settings by path (`rpc.port`), as texts. */
  readonly flags: Readonly<Record<string, string>>;
  /** What stood on the command line as `--rpc-port 7070` or `--rpc-port=7070`. */
  readonly arguments?: readonly string[];
  readonly workingDir: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** File that was read, if any. */
  readonly file: string | undefined;
}

/**
 * Puts a configuration together: defaults, then the YAML file, then `PYRALOG_*`, then flags (D7).
 *
 * @throws NodeError `node/bad-config` naming source, setting and the nearest known name
 */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const fields = configFields();
  const settings: Settings = new Map(fields.map((field) => [field.path, field.default]));
  const file = findFile(sources);
  if (file !== undefined) {
    for (const [path, value] of await readSettings(file)) settings.set(path, value);
    rebase(settings, dirname(file));
  }
  const fromOutside = new Map<string, ConfigValue>([
    ...fromEnvironment(sources.environment),
    ...fromFlags(sources.flags),
    ...fromArguments(sources.arguments ?? []),
  ]);
  for (const [path, value] of fromOutside) settings.set(path, value);
  rebase(settings, sources.workingDir);
  return { config: assemble(settings), file };
}

function findFile({ file, environment, workingDir }: ConfigSources): string | undefined {
  const named = file ?? environment['PYRALOG_CONFIG'];
  if (named !== undefined) {
    const path = resolve(workingDir, named);
    if (existsSync(path)) return path;
    throw badConfig(path, 'there is no such configuration file; `pyralog init` writes one');
  }
  const path = resolve(workingDir, CONFIG_FILE);
  return existsSync(path) ? path : undefined;
}

async function readSettings(file: string): Promise<Settings> {
  const { parseDocument } = await import('./yaml.ts');
  const document = parseDocument(readFileSync(file, 'utf8'), { uniqueKeys: true });
  const [error] = document.errors;
  if (error) throw badConfig(file, `not valid YAML: ${error.message}`);
  return settingsOfDocument(document.toJS(), file);
}

function fromEnvironment(environment: ConfigSources['environment']): Settings {
  const fields = new Map(configFields().map((field) => [field.variable, field]));
  const settings: Settings = new Map();
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('PYRALOG_') || OTHER_VARIABLES.includes(name) || value === undefined) {
      continue;
    }
    const field = fields.get(name);
    if (field === undefined) throw unknownName('environment', name, [...fields.keys()]);
    settings.set(field.path, parseValue(field, value, `environment ${name}`));
  }
  return settings;
}

function fromFlags(flags: ConfigSources['flags']): Settings {
  const fields = new Map(configFields().map((field) => [field.path, field]));
  const settings: Settings = new Map();
  for (const [path, value] of Object.entries(flags)) {
    const field = fields.get(path);
    if (field === undefined) throw unknownName('command line', path, [...fields.keys()]);
    settings.set(path, parseValue(field, value, field.flag));
  }
  return settings;
}

function fromArguments(words: readonly string[]): Settings {
  const fields = new Map(configFields().map((field) => [field.flag, field]));
  const settings: Settings = new Map();
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const at = word.indexOf('=');
    const flag = at < 0 ? word : word.slice(0, at);
    const field = fields.get(flag);
    if (field === undefined) throw unknownName('command line', flag, [...fields.keys()]);
    const value = at < 0 ? rest.shift() : word.slice(at + 1);
    if (value === undefined) throw badConfig('command line', `${flag} needs a value`);
    settings.set(field.path, parseValue(field, value, flag));
  }
  return settings;
}

/** Paths in a file are relative to it, others to the working directory. */
function rebase(settings: Settings, base: string): void {
  for (const path of ['dataDir', 'passphraseFile', 'store.filesDir', 'cluster.members']) {
    const value = settings.get(path);
    if (typeof value === 'string' && value !== '' && !isAbsolute(value)) {
      settings.set(path, resolve(base, value));
    }
  }
}

function assemble(settings: Settings): Config {
  const root: Record<string, unknown> = {};
  for (const [path, value] of settings) {
    const [section = '', name] = path.split('.');
    if (name === undefined) {
      root[section] = value;
      continue;
    }
    const inner = (root[section] ?? {}) as Record<string, ConfigValue>;
    inner[name] = value;
    root[section] = inner;
  }
  // Every value was checked against its field when it came in, and every field has one.
  return root as Config;
}
