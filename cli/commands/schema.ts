import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { FIRST_SCHEMA } from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type AdminFlags, withAdmin } from '../find-admin.ts';

/** `pyralog schema register SUBJECT FILE`. */
export async function schemaRegister(
  context: Context,
  [subject = '', file = '']: readonly string[],
  flags: AdminFlags,
): Promise<ExitCode> {
  const schema = (await readStream(context, file, false)).toString('base64');
  return withAdmin(context, flags, async (client) => {
    const { id } = await client.call('schema_register', { subject, schema });
    context.print(`schema ${id} is the newest of ${subject}`);
    context.answer({ subject, schema: id });
    return EXIT.ok.code;
  });
}

/** `pyralog schema rule SUBJECT RULE`. */
export async function schemaRule(
  context: Context,
  [subject = '', rule = '']: readonly string[],
  flags: AdminFlags,
): Promise<ExitCode> {
  if (!isRule(rule)) {
    throw cliError('cli/usage', `${rule}: a rule is none, backward, forward or full`);
  }
  return withAdmin(context, flags, async (client) => {
    await client.call('schema_rule', { subject, rule });
    context.print(`${subject} asks for ${rule} compatibility from now on`);
    context.answer({ subject, rule });
    return EXIT.ok.code;
  });
}

/** `pyralog schema list`. */
export async function schemaList(context: Context, flags: AdminFlags): Promise<ExitCode> {
  return withAdmin(context, flags, async (client) => {
    const { subjects } = await client.call('schema_list', {});
    for (const { subject, rule, versions } of subjects) {
      context.print(`${subject}: ${rule}, schemas ${versions.join(', ') || 'none'}`);
    }
    context.answer({ subjects });
    return EXIT.ok.code;
  });
}

/** `pyralog schema show ID|SUBJECT`. */
export async function schemaShow(
  context: Context,
  [name = '']: readonly string[],
  flags: AdminFlags,
): Promise<ExitCode> {
  return withAdmin(context, flags, async (client) => {
    const { id, schema } = await client.call('schema_show', { schema: nameOf(name) });
    const { tableFromIPC } = await import('apache-arrow');
    const { fields } = tableFromIPC(Buffer.from(schema, 'base64')).schema;
    const shown = fields.map((field) => ({
      name: field.name,
      type: String(field.type),
      nullable: field.nullable,
    }));
    context.print(`schema ${id}`);
    for (const field of shown) {
      context.print(`  ${field.name}: ${field.type}${field.nullable ? '' : ', never null'}`);
    }
    context.answer({ schema: id, fields: shown });
    return EXIT.ok.code;
  });
}

/** `pyralog schema check ID|SUBJECT FILE`. */
export async function schemaCheck(
  context: Context,
  [name = '', file = '']: readonly string[],
  flags: AdminFlags,
): Promise<ExitCode> {
  const value = (await readStream(context, file, true)).toString('base64');
  return withAdmin(context, flags, async (client) => {
    const { id, rows } = await client.call('schema_check', { schema: nameOf(name), value });
    context.print(`${rows} rows fit schema ${id}`);
    context.answer({ schema: id, rows });
    return EXIT.ok.code;
  });
}

function isRule(text: string): text is 'none' | 'backward' | 'forward' | 'full' {
  return ['none', 'backward', 'forward', 'full'].includes(text);
}

function nameOf(text: string): number | string {
  if (!/^[0-9]+$/.test(text)) return text;
  const id = Number(text);
  if (id >= FIRST_SCHEMA) return id;
  throw cliError(
    'cli/usage',
    `${text}: no schema has this id, the first is ${FIRST_SCHEMA}; \`pyralog schema list\` shows what there is`,
  );
}

/** An Arrow IPC stream or file; of a file that is to be a schema only that is kept. */
async function readStream(context: Context, file: string, batches: boolean): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(resolve(context.workingDir, file));
  } catch (cause) {
    throw cliError('cli/file', `${file}: cannot be read`, cause);
  }
  const { Table, tableFromIPC, tableToIPC } = await import('apache-arrow');
  try {
    const table = tableFromIPC(bytes);
    // What the parser makes of text, of Parquet and of nothing at all.
    if (table.schema.fields.length === 0) throw new Error('it has no fields');
    return Buffer.from(tableToIPC(batches ? table : new Table(table.schema), 'stream'));
  } catch (cause) {
    throw cliError('cli/file', `${file}: is no Arrow IPC stream or file`, cause);
  }
}
