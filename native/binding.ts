/**
 * Loads the native add-on, and turns its completions into promises: one channel per thread.
 */
import { createRequire } from 'node:module';
import { PyralogError } from '../base/errors.ts';
import type * as Binding from './pyralog.d.ts';
import type { NativeErrorCode } from './types.ts';

/** The add-on's functions, as its generated declarations say. */
export const binding = load();

function load(): typeof Binding {
  const require = createRequire(import.meta.url);
  try {
    // From the bundle as well, which lies beside this folder.
    return require('../native/pyralog.node') as typeof Binding;
  } catch (cause) {
    throw new Error(
      'the native add-on native/pyralog.node is missing or was built for another platform; run: npm run build:native',
      { cause },
    );
  }
}

type Pending = {
  resolve(completion: Binding.Completion): void;
  reject(error: Error): void;
};

const pending = new Map<number, Pending>();
/** Keeps the event loop alive while a promise is pending; the add-on's own bell does not. */
const alive = setInterval(() => {}, 2 ** 30).unref();
let channel: number | undefined;
let lastToken = 0;

/** Starts a call that completes later. Throws nothing: a refusal rejects the promise. */
export function call(start: (channel: number, token: number) => void): Promise<Binding.Completion> {
  return new Promise((resolve, reject) => {
    channel ??= binding.openChannel(settle);
    lastToken = lastToken === 0xffff_ffff ? 1 : lastToken + 1;
    const token = lastToken;
    pending.set(token, { resolve, reject });
    if (pending.size === 1) alive.ref();
    try {
      start(channel, token);
    } catch (error) {
      forget(token);
      reject(translate(error));
    }
  });
}

/** Calls the add-on; its errors come out as {@link PyralogError}. */
export function ask<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw translate(error);
  }
}

/** Starts work on the pool; the failure that it answers with comes out as {@link PyralogError}. */
export async function answer(
  start: () => Promise<Binding.NativeAnswer>,
): Promise<Binding.NativeAnswer> {
  const done = await ask(start);
  if (done.code === undefined) return done;
  const data = done.field === undefined ? {} : { data: { field: done.field } };
  throw new PyralogError(done.code, done.message ?? '', data);
}

function settle(): void {
  if (channel === undefined) return;
  for (const completion of binding.drain(channel)) {
    const waiting = pending.get(completion.token);
    forget(completion.token);
    if (completion.code === undefined) waiting?.resolve(completion);
    else waiting?.reject(failure(completion.code, completion.message ?? ''));
  }
}

function forget(token: number): void {
  pending.delete(token);
  if (pending.size === 0) alive.unref();
}

function failure(code: string, message: string, cause?: unknown): PyralogError {
  return new PyralogError(code as NativeErrorCode, message, { cause });
}

/** Errors of the add-on carry a code of ours; anything else is a bug and passes unchanged. */
function translate(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const code = 'code' in error ? String(error.code) : '';
  return /^(storage|batch|log|state|sig|tree|bft|object|schema)\//.test(code)
    ? failure(code, error.message, error)
    : error;
}
