/**
 * The disk as the engine needs it: two small files that only grow, and are replaced as a whole to shrink them.
 *
 * Small enough that an implementation in memory can lose what was not synced and tear what was being written.
 */
export interface PosDisk {
  /** undefined when there is no such file. */
  open(name: string): Promise<PosFile | undefined>;
  /** Atomic and durable once it resolves: after a crash the name has the old bytes or the new ones, whole. */
  replace(name: string, bytes: Uint8Array): Promise<PosFile>;
}

/** Rejects with whatever the disk said (EIO, ENOSPC); the caller never uses the file again then. */
export interface PosFile {
  /** All of it. */
  read(): Promise<Uint8Array>;
  /** Behind the end. Not durable before {@link sync}. */
  append(bytes: Uint8Array): Promise<void>;
  /** Cuts the end off. Not durable before {@link sync}. */
  truncate(size: number): Promise<void>;
  /** Everything written before is durable once it resolves. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
