/** A load of submissions that remembers what it was promised. */
import { createHash, randomBytes } from 'node:crypto';
import { createClient } from '../../client/index.ts';

export interface Promised {
  readonly digest: Uint8Array;
  readonly key: string;
  readonly id: bigint;
  readonly offset: number;
  readonly epoch: number;
}

export interface LoadResult {
  /** Answered `durable`. */
  readonly promised: Promised[];
  /** Sent and not answered: may or may not be there. */
  readonly open: { digest: Uint8Array; key: string }[];
}

/** Submits from `clients` loops until `until` says so with the number of answers; errors end a loop. */
export async function submitUntil(
  url: string,
  clients: number,
  until: (answered: number) => void,
): Promise<LoadResult> {
  const promised: Promised[] = [];
  const open: { digest: Uint8Array; key: string }[] = [];
  const client = createClient({ url, submitter: 'load', retry: { attemptsMax: 1 } });
  const loop = async () => {
    for (;;) {
      const key = randomBytes(12).toString('hex');
      const digest = new Uint8Array(createHash('sha256').update(key).digest());
      try {
        const { id, offset, epoch } = await client.submit({
          algorithm: 'sha256',
          digest,
          idempotencyKey: key,
        });
        promised.push({ digest, key, id, offset, epoch });
        until(promised.length);
      } catch {
        open.push({ digest, key }); // the node was killed under this call
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, loop));
  await client.close();
  return { promised, open };
}
