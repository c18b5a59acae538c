import { Freshnesses } from '../consensus/index.ts';
import type { Core } from '../native/index.ts';
import type { ClusterAccess, ClusterMap, ClusterReads } from '../rpc/index.ts';

export interface ClusterReadsParts {
  readonly core: Pick<Core, 'readIndex'>;
  readonly access: Pick<ClusterAccess, 'status'>;
  /** Node name of this member. */
  readonly self: string;
  /** Of each partition. */
  readonly origins: readonly string[];
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
}

/** Anybody may ask for the map; the core is asked once in this time. */
const MAP_MS_MAX = 100;

/** What readers ask of this member (rpc.md R14, R15). */
export function createClusterReads(parts: ClusterReadsParts): ClusterReads {
  const { core, origins, now } = parts;
  const map = kept(MAP_MS_MAX, now, () => mapOf(parts));
  const freshnesses = new Freshnesses({
    readIndex: (partition) => core.readIndex(partition),
    now,
    async leader(partition) {
      const { partitions, members } = await map();
      const name = partitions.find((one) => one.partition === partition)?.leader;
      const rpc = members.find(({ node }) => node === name)?.rpc;
      // A leader that no majority confirms knows nobody better to ask.
      return name === undefined || name === parts.self
        ? undefined
        : { name, ...(rpc === undefined ? {} : { rpc }) };
    },
  });
  return {
    map,
    async reach(origin, wanted) {
      // For a log that is not here nothing is waited: whoever reads it is told.
      const reached = origins.flatMap((one, partition) =>
        origin === undefined || one === origin ? [freshnesses.reach(partition, wanted)] : [],
      );
      return Math.max(0, ...(await Promise.all(reached)));
    },
  };
}

async function mapOf({ access }: ClusterReadsParts): Promise<ClusterMap> {
  const { cluster, partitions, members } = await access.status();
  return {
    cluster,
    partitions: partitions.map(({ partition, origin, epoch, leader }) => {
      const group = { partition, origin, epoch };
      return leader === undefined ? group : { ...group, leader };
    }),
    members: members.map(({ node, rpc }) => ({
      node,
      ...(rpc === undefined ? {} : { rpc }),
    })),
  };
}

/** The answer, a failure too, is given again for so long. */
function kept<T>(ms: number, now: () => number, ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly answer: Promise<T> } | undefined;
  return () => {
    if (last === undefined || now() - last.at > ms) last = { at: now(), answer: ask() };
    return last.answer;
  };
}
