import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { DigestAlgorithm } from '../receipt/index.ts';
import { cliError } from './errors.ts';

const CHUNK_BYTES = 1 << 20;

/** Somebody who feeds bytes in and takes a digest out; memory does not grow with the data. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/**
 * A streaming hash. SHA-2 runs natively at a gigabyte a second; BLAKE3 is pure TypeScript here, because the CLI loads
 * no native code, and some fifty times slower.
 */
export async function createHasher(algorithm: DigestAlgorithm): Promise<Hasher> {
  if (algorithm === 'blake3') {
    const { blake3 } = await import('@noble/hashes/blake3.js');
    const hash = blake3.create({});
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
  }
  const hash = createHash(algorithm);
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => new Uint8Array(hash.digest()),
  };
}

export interface HashOptions {
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
}

/**
 * Hashes a file in constant memory. A file that changes meanwhile is refused: the digest would be of no version of it.
 *
 * @throws PyralogError `cli/file`, `cli/file-changing`
 */
export async function hashFile(
  path: string,
  algorithm: DigestAlgorithm,
  { signal, onBytes }: HashOptions,
): Promise<Uint8Array> {
  // Without O_NONBLOCK, opening a named pipe would wait for its writer.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags).catch((error: unknown) => {
    throw cliError('cli/file', `${path}: cannot be read (${reasonOf(error)})`, error);
  });
  try {
    const before = await file.stat({ bigint: true });
    if (before.isDirectory()) throw cliError('cli/file', `${path}: is a directory`);
    if (!before.isFile())
      throw cliError('cli/file', `${path}: not a regular file; \`-\` takes a stream`);
    const hasher = await createHasher(algorithm);
    const size = Number(before.size);
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(1, size + 1)));
    let total = 0;
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      hasher.update(buffer.subarray(0, bytesRead));
      total += bytesRead;
      onBytes(bytesRead);
    }
    const after = await file.stat({ bigint: true });
    // The time of the inode's last change cannot be set back, as that of the data can.
    const changed = after.mtimeNs !== before.mtimeNs || after.ctimeNs !== before.ctimeNs;
    if (changed || after.size !== before.size || total !== size) {
      throw cliError(
        'cli/file-changing',
        `${path}: changed while it was read; try again when it rests`,
      );
    }
    return hasher.digest();
  } catch (error) {
    if (error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code))) {
      throw cliError('cli/file', `${path}: cannot be read (${reasonOf(error)})`, error);
    }
    throw error;
  } finally {
    await file.close();
  }
}

/** Hashes what arrives on a stream, such as standard input. */
export async function hashStream(
  stream: AsyncIterable<Uint8Array>,
  algorithm: DigestAlgorithm,
  { signal, onBytes }: HashOptions,
): Promise<Uint8Array> {
  const hasher = await createHasher(algorithm);
  for await (const bytes of stream) {
    signal.throwIfAborted();
    hasher.update(bytes);
    onBytes(bytes.length);
  }
  return hasher.digest();
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EISDIR: 'is a directory',
  ENOTDIR: 'a part of it is a file, not a directory',
  EEXIST: 'is there already',
  EROFS: 'read-only file system',
  ENOSPC: 'disk full',
};

/** What a failed system call means to a person. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return REASONS[code] ?? code;
}
