/**
 * Arrow schemas with ids, and rules for how they may change (docs/spec/schemas.md).
 *
 * ```ts
 * const registry = await openSchemas(file);
 * await registry.setRule('orders', 'full');
 * const id = await registry.register('orders', tableToIPC(new Table(schema), 'stream'));
 * const rows = await registry.check(id, tableToIPC(batch, 'stream')); // refuses what does not fit
 * ```
 */
import { PyralogError } from '../base/errors.ts';
import { answer, ask, binding } from './binding.ts';

/** What the registry refuses. Where a field is at fault, `data.field` has its path (`address.city`). */
export type SchemaErrorCode =
  /** Bytes that are no Arrow stream, a schema that breaks J2, a subject's name that breaks J3. */
  | 'schema/malformed'
  /** The subject's rule forbids the change (J4). */
  | 'schema/incompatible'
  /** A batch that does not fit its schema (J6). */
  | 'schema/misfit'
  /** No schema of this id. */
  | 'schema/unknown'
  /** The registry was closed. */
  | 'schema/closed'
  /** The registry's file is damaged (J7). */
  | 'storage/corrupt'
  /** No room; nothing was registered. */
  | 'storage/disk-full'
  /** The operating system refused; nothing was registered. */
  | 'storage/io';

/** What a subject asks of new versions (J4). */
export type SchemaRule = 'none' | 'backward' | 'forward' | 'full';

export interface SchemaSubject {
  readonly rule: SchemaRule;
  /** Ids, oldest first. */
  readonly versions: readonly number[];
}

/** Counts are since the opening. */
export interface SchemaStats {
  readonly schemas: number;
  readonly subjects: number;
  /** Versions that a rule refused. */
  readonly incompatible: number;
  /** Streams of batches that were held against a schema, and those of them that did not fit. */
  readonly checked: number;
  readonly misfits: number;
}

/** Schemas and batches are Arrow IPC streams. Everything fails with `schema/closed` after closing. */
export interface SchemaRegistry {
  /** Number under which {@link attachSchemas} finds the registry in this process. */
  readonly handle: number;
  /**
   * Registers a schema as the newest version of a subject; its id, durable once it resolves. Rejects with
   * `schema/malformed`, `schema/incompatible`, `storage/disk-full`, `storage/io`.
   */
  register(subject: string, stream: Uint8Array): Promise<number>;
  /** Rejects where {@link register} would, and registers nothing. */
  test(subject: string, stream: Uint8Array): Promise<void>;
  /** For versions that come later; durable once it resolves. A subject begins with `backward`. */
  setRule(subject: string, rule: SchemaRule): Promise<void>;
  subject(subject: string): SchemaSubject | undefined;
  subjects(): string[];
  /** The schema of an id. Throws `schema/unknown`. */
  schema(id: number): Uint8Array;
  /** Rows of a stream of batches that fit. Rejects with `schema/misfit`, `schema/unknown`, `schema/malformed`. */
  check(id: number, stream: Uint8Array): Promise<number>;
  stats(): SchemaStats;
  /** What is wrong with the file of a registry that was opened despite damage. */
  damage(): string | undefined;
  /** For every thread. Idempotent. */
  close(): void;
}

/**
 * Opens the registry in a file, or begins one. Rejects with `storage/corrupt`, `storage/io`; or, despite damage, opens one
 * that answers everything with that (J7).
 */
export async function openSchemas(
  file: string,
  {
    fileLayer = 'real',
    despiteDamage = false,
  }: { readonly fileLayer?: 'real' | 'lose-unsynced'; readonly despiteDamage?: boolean } = {},
): Promise<SchemaRegistry> {
  const opened = await answer(() =>
    binding.schemaOpen(file, fileLayer === 'lose-unsynced', despiteDamage),
  );
  return new NativeSchemas(opened.number ?? 0);
}

/** A handle of this thread to a registry that another thread opened. Throws `schema/closed` when it is closed. */
export function attachSchemas(handle: number): SchemaRegistry {
  const registry = new NativeSchemas(handle);
  registry.stats();
  return registry;
}

/** A lone surrogate would become U+FFFD on its way, and two names one. */
function wellFormed(subject: string): string {
  if (subject.isWellFormed()) return subject;
  const name = JSON.stringify(subject);
  throw new PyralogError<SchemaErrorCode>(
    'schema/malformed',
    `the subject's name ${name} is not well-formed Unicode`,
  );
}

class NativeSchemas implements SchemaRegistry {
  readonly handle: number;

  constructor(handle: number) {
    this.handle = handle;
  }

  async register(subject: string, stream: Uint8Array): Promise<number> {
    const done = await answer(() =>
      binding.schemaRegister(this.handle, wellFormed(subject), stream),
    );
    return done.number ?? 0;
  }

  async test(subject: string, stream: Uint8Array): Promise<void> {
    await answer(() => binding.schemaTest(this.handle, wellFormed(subject), stream));
  }

  async setRule(subject: string, rule: SchemaRule): Promise<void> {
    await answer(() => binding.schemaRule(this.handle, wellFormed(subject), rule));
  }

  subject(subject: string): SchemaSubject | undefined {
    if (!subject.isWellFormed()) return;
    const found = ask(() => binding.schemaSubject(this.handle, subject));
    return found ? { rule: found.rule as SchemaRule, versions: found.versions } : undefined;
  }

  subjects(): string[] {
    return ask(() => binding.schemaSubjects(this.handle));
  }

  schema(id: number): Uint8Array {
    return ask(() => binding.schemaStream(this.handle, id));
  }

  async check(id: number, stream: Uint8Array): Promise<number> {
    const done = await answer(() => binding.schemaCheck(this.handle, id, stream));
    return done.number ?? 0;
  }

  stats(): SchemaStats {
    return ask(() => binding.schemaStats(this.handle));
  }

  damage(): string | undefined {
    return ask(() => binding.schemaDamage(this.handle)) ?? undefined;
  }

  close(): void {
    binding.schemaClose(this.handle);
  }
}
