import { type ConfigField, type ConfigValue, configSections } from './fields.ts';

const WIDTH = 100;

/**
 * The commented YAML file that `pyralog init` writes: every setting with its description and its default. Settings
 * that are given stand as they are, all others are commented out, so that a later default is taken up.
 */
export function formatConfig(given: ReadonlyMap<string, ConfigValue>): string {
  const lines = [
    '# Pyralog node. Every setting is listed with its default; remove the # to change one.',
    '# The environment (PYRALOG_RPC_PORT) and flags (--rpc-port) win over this file.',
  ];
  for (const { name, description, fields } of configSections()) {
    lines.push('');
    if (name !== '') lines.push(...comment(description, ''), `${name}:`);
    const indent = name === '' ? '' : '  ';
    for (const field of fields) {
      lines.push(...comment(`${field.description} (${field.type})`, indent));
      lines.push(indent + setting(field, given.get(field.path)));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The Markdown table of docs/OPERATIONS.md; a test holds the two equal. */
export function configTable(): string {
  const rows = configSections().flatMap(({ fields }) =>
    fields.map(
      (field) =>
        `| \`${field.path}\` | ${field.type.replaceAll('|', '\\|')} | \`${yamlValue(field.default)}\` | ${field.description} |`,
    ),
  );
  return ['| setting | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function setting(field: ConfigField, value: ConfigValue | undefined): string {
  const name = field.path.split('.').at(-1);
  return value === undefined
    ? `# ${name}: ${yamlValue(field.default)}`
    : `${name}: ${yamlValue(value)}`;
}

/** JSON is YAML; texts that need no quotes stand without. */
function yamlValue(value: ConfigValue): string {
  if (typeof value === 'string' && /^[a-z][a-z0-9/._-]*$/i.test(value)) return value;
  return JSON.stringify(value);
}

function comment(text: string, indent: string): string[] {
  const lines = [`${indent}#`];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last.length + word.length + 1 > WIDTH) lines.push(`${indent}# ${word}`);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
