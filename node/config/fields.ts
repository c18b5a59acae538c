import type { TSchema } from 'typebox';
import { configSchema } from './schema.ts';

/** One setting: where it stands, what it may be, and its three names. */
export interface ConfigField {
  /** `rpc.port`. */
  readonly path: string;
  /** `PYRALOG_RPC_PORT` (D9). */
  readonly variable: string;
  /** `--rpc-port` (D9). */
  readonly flag: string;
  readonly description: string;
  readonly default: ConfigValue;
  /** For people: `integer 0 … 65535`. */
  readonly type: string;
  readonly schema: FieldSchema;
}

export interface ConfigSection {
  /** '' for the fields at the top. */
  readonly name: string;
  readonly description: string;
  readonly fields: readonly ConfigField[];
}

export type ConfigValue = string | number | boolean | readonly string[];

/** The parts of JSON Schema that settings are made of. */
export interface FieldSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: ConfigValue;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly anyOf?: readonly { readonly const?: string }[];
  readonly properties?: Readonly<Record<string, FieldSchema>>;
}

/** Every section with its fields, in the order of the schema. */
export function configSections(): ConfigSection[] {
  const top: ConfigField[] = [];
  const sections: ConfigSection[] = [];
  for (const [name, schema] of Object.entries(propertiesOf(configSchema))) {
    if (schema.properties === undefined) {
      top.push(field(name, schema));
    } else {
      const fields = Object.entries(schema.properties).map(([key, value]) =>
        field(`${name}.${key}`, value),
      );
      sections.push({ name, description: schema.description ?? '', fields });
    }
  }
  return [{ name: '', description: '', fields: top }, ...sections];
}

export function configFields(): ConfigField[] {
  return configSections().flatMap(({ fields }) => fields);
}

function propertiesOf(schema: TSchema): Readonly<Record<string, FieldSchema>> {
  return (schema as FieldSchema).properties ?? {};
}

function field(path: string, schema: FieldSchema): ConfigField {
  const words = path.replaceAll(/([a-z])([A-Z])/g, '$1-$2').replaceAll('.', '-');
  return {
    path,
    variable: `PYRALOG_${words.replaceAll('-', '_').toUpperCase()}`,
    flag: `--${words.toLowerCase()}`,
    description: schema.description ?? '',
    default: schema.default ?? '',
    type: typeText(schema),
    schema,
  };
}

function typeText(schema: FieldSchema): string {
  if (schema.anyOf) return schema.anyOf.map(({ const: value }) => value).join(' | ');
  if (schema.type === 'integer') return `integer ${schema.minimum} … ${schema.maximum}`;
  return schema.type === 'array' ? 'list of strings' : (schema.type ?? '');
}
