/** What one durable write on this disk, and one round trip over loopback, take at least. */
import { once } from 'node:events';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { quantile } from '../sample.ts';

const BLOCK = 4096;
const BLOCKS = 2048;

/** Median of `fdatasync` after a write of 512 bytes into a file that was filled and synced before, in milliseconds. */
export function syncFloorMs(dir: string, rounds: number): number {
  const file = openSync(join(dir, 'floor'), 'w');
  try {
    writeSync(file, Buffer.alloc(BLOCK * BLOCKS, 1));
    fdatasyncSync(file);
    const bytes = Buffer.alloc(512, 2);
    const times = Array.from({ length: rounds }, (_, round) => {
      writeSync(file, bytes, 0, bytes.length, (round % BLOCKS) * BLOCK);
      const began = performance.now();
      fdatasyncSync(file);
      return performance.now() - began;
    });
    return quantile(times, 0.5);
  } finally {
    closeSync(file);
  }
}

/** Median of a round trip of 64 bytes between two sockets of one process, in milliseconds. */
export async function roundTripFloorMs(rounds: number): Promise<number> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => socket.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const socket: Socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  try {
    await once(socket, 'connect');
    const bytes = Buffer.alloc(64);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      socket.write(bytes);
      await once(socket, 'data');
      times.push(performance.now() - began);
    }
    return quantile(times, 0.5);
  } finally {
    socket.destroy();
    server.close();
  }
}
