import { nodeError } from '../errors.ts';
import { type ConfigField, type ConfigValue, configSections } from './fields.ts';
import { nearestName } from './nearest.ts';

/** Settings by their path, before they become a {@link Config}. */
export type Settings = Map<string, ConfigValue>;

/**
 * Reads a parsed YAML document into settings; refuses what it does not know and names the nearest field (D8).
 *
 * @throws NodeError `node/bad-config`
 */
export function settingsOfDocument(document: unknown, source: string): Settings {
  const settings: Settings = new Map();
  if (document === null || document === undefined) return settings;
  if (!isObject(document)) throw badConfig(source, 'is not a list of settings, `name: value`');
  const sections = configSections();
  const top = new Map(sections[0]?.fields.map((field) => [field.path, field]));
  const names = [...top.keys(), ...sections.slice(1).map(({ name }) => name)];
  for (const [key, value] of Object.entries(document)) {
    const field = top.get(key);
    const section = sections.find(({ name }) => name === key && name !== '');
    if (field) settings.set(key, checkValue(field, value, source));
    else if (section) readSection(section.fields, { key, value, source }, settings);
    else throw unknownName(source, key, names);
  }
  return settings;
}

function readSection(
  fields: readonly ConfigField[],
  { key, value, source }: { key: string; value: unknown; source: string },
  settings: Settings,
): void {
  if (value === null) return;
  if (!isObject(value)) throw badConfig(source, `${key}: is a section, with its settings below it`);
  for (const [name, content] of Object.entries(value)) {
    const path = `${key}.${name}`;
    const field = fields.find((candidate) => candidate.path === path);
    if (field === undefined)
      throw unknownName(
        source,
        path,
        fields.map((f) => f.path),
      );
    settings.set(path, checkValue(field, content, source));
  }
}

/** A value that fits its field; otherwise `node/bad-config` says where it came from and what it may be. */
export function checkValue(field: ConfigField, value: unknown, source: string): ConfigValue {
  const { schema } = field;
  const fits =
    schema.anyOf?.some(({ const: option }) => option === value) ??
    {
      integer: isIntegerWithin(value, schema.minimum, schema.maximum),
      boolean: typeof value === 'boolean',
      string: typeof value === 'string' && new RegExp(schema.pattern ?? '').test(value),
      array: Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== ''),
    }[schema.type ?? ''];
  if (fits === true) return value as ConfigValue;
  const pattern = schema.pattern === undefined ? '' : ` matching ${schema.pattern}`;
  throw badConfig(
    source,
    `${field.path} is ${JSON.stringify(value)}, but must be ${field.type}${pattern}`,
  );
}

/** Reads the text of a variable or flag as its field wants it; lists are separated by commas (D9). */
export function parseValue(field: ConfigField, text: string, source: string): ConfigValue {
  const { type } = field.schema;
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) {
    return checkValue(field, Number(text), source);
  }
  if (type === 'boolean' && /^(?:true|false)$/.test(text)) return text === 'true';
  if (type === 'array') {
    return checkValue(field, text === '' ? [] : text.split(',').map((item) => item.trim()), source);
  }
  return checkValue(field, text, source);
}

export function unknownName(source: string, name: string, known: readonly string[]): Error {
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean ${nearest}?`;
  return badConfig(source, `there is no setting ${name}; ${hint}`);
}

export function badConfig(source: string, what: string): Error {
  return nodeError('node/bad-config', `${source}: ${what}`, { data: { source } });
}

function isIntegerWithin(value: unknown, minimum = 0, maximum = 0): boolean {
  return Number.isInteger(value) && Number(value) >= minimum && Number(value) <= maximum;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
