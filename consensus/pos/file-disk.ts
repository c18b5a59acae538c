import { writeSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PosDisk, PosFile } from './disk.ts';
import { orClosed } from './frames.ts';

/** Appended at once: the system takes so little into its memory faster than a thread could be woken for it. */
const AT_ONCE_BYTES_MAX = 64 * 1024;

/** Files in a directory of their own, which is made when it is missing. */
export async function openPosDisk(directory: string): Promise<PosDisk> {
  await mkdir(directory, { recursive: true });
  await syncDirectory(dirname(directory));
  return {
    open: async (name) => {
      const handle = await openIfThere(join(directory, name));
      return handle === undefined ? undefined : orClosed(handle, () => fileOf(handle));
    },
    replace: async (name, bytes) => {
      const path = join(directory, name);
      const handle = await open(`${path}.tmp`, 'w+', 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
        await rename(`${path}.tmp`, path);
        await syncDirectory(directory);
      } catch (error) {
        await handle.close();
        throw error;
      }
      return fileOf(handle, bytes.length);
    },
  };
}

async function fileOf(handle: FileHandle, known?: number): Promise<PosFile> {
  let size = known ?? (await handle.stat()).size;
  return {
    read: async () => {
      const bytes = new Uint8Array(size);
      let at = 0;
      while (at < size) {
        const { bytesRead } = await handle.read(bytes, at, size - at, at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
      return bytes.subarray(0, at);
    },
    append: async (bytes) => {
      const atOnce = bytes.length <= AT_ONCE_BYTES_MAX;
      for (let at = 0; at < bytes.length; ) {
        const rest = bytes.length - at;
        at += atOnce
          ? writeSync(handle.fd, bytes, at, rest, size + at)
          : (await handle.write(bytes, at, rest, size + at)).bytesWritten;
      }
      size += bytes.length;
    },
    truncate: async (to) => {
      await handle.truncate(to);
      size = to;
    },
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** A rename is durable once its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
