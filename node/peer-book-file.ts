import { readFile } from 'node:fs/promises';
import { writeDurably } from './durable-file.ts';
import { systemCode } from './errors.ts';

/** The peer book (G13) of a data directory; undefined before the first one was written. */
export async function readPeerBook(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writePeerBook(path: string, text: string): Promise<void> {
  writeDurably(path, text, { mode: 0o600, replace: true });
}
