import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file so that after a crash it is there whole or not at all: temporary file beside it, fsync, rename,
 * fsync of the directory. With `replace: false` an existing file is never touched: throws `EEXIST`.
 *
 * @throws the system's error (`EACCES`, `EROFS`, `ENOSPC` …); nothing is left behind then
 */
export function writeDurably(
  path: string,
  data: string | Uint8Array,
  { mode, replace }: { readonly mode: number; readonly replace: boolean },
): void {
  const temporary = temporaryOf(path);
  try {
    const file = openSync(temporary, 'wx', mode);
    try {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    // A link fails where something stands already, which a rename would silently replace.
    if (replace) renameSync(temporary, path);
    else linkSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  syncDir(dirname(path));
}

/** {@link writeDurably} off the event loop: several at once share what the disk takes to sync. */
export async function writeDurablyAsync(
  path: string,
  data: string | Uint8Array,
  { mode, replace }: { readonly mode: number; readonly replace: boolean },
): Promise<void> {
  const temporary = temporaryOf(path);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    if (replace) await rename(temporary, path);
    else await link(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  if (process.platform === 'win32') return;
  const dir = await open(dirname(path), 'r');
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}

function temporaryOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
}

/** Makes names in a directory durable. Windows has no such call and needs none. */
export function syncDir(path: string): void {
  if (process.platform === 'win32') return;
  const dir = openSync(path, 'r');
  try {
    fsyncSync(dir);
  } finally {
    closeSync(dir);
  }
}
