// SPDX-License-Identifier: Apache-2.0
/** What a node says of its cluster, as far as it can be read: nothing of it is believed but where to ask (CK1). */
import { clientError } from './errors.ts';

export interface ClusterMap {
  /** In order of their numbers. */
  readonly partitions: readonly { readonly epoch: bigint; readonly leader: string | undefined }[];
  readonly members: readonly { readonly node: string; readonly rpc: string }[];
}

/** Of a node that is in no cluster. */
export const NO_MAP: ClusterMap = { partitions: [], members: [] };

const PARTITIONS_MAX = 65_536;
const MEMBERS_MAX = 64;
const DECIMAL = /^[0-9]{1,20}$/;

/** Throws `client/bad-answer`. */
export function readMap(wire: unknown): ClusterMap {
  const { partitions, members } = fieldsOf(wire);
  return {
    partitions: listOf(partitions, PARTITIONS_MAX).map((entry) => {
      const { epoch, leader } = fieldsOf(entry);
      if (typeof epoch !== 'string' || !DECIMAL.test(epoch)) throw unreadable();
      return { epoch: BigInt(epoch), leader: typeof leader === 'string' ? leader : undefined };
    }),
    members: listOf(members, MEMBERS_MAX).flatMap((entry) => {
      const { node, rpc } = fieldsOf(entry);
      return typeof node === 'string' && typeof rpc === 'string' ? [{ node, rpc }] : [];
    }),
  };
}

function listOf(value: unknown, most: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= most) return value;
  throw unreadable();
}

function fieldsOf(
  value: unknown,
): Readonly<Record<'partitions' | 'members' | 'epoch' | 'leader' | 'node' | 'rpc', unknown>> {
  if (typeof value !== 'object' || value === null) throw unreadable();
  const none = { partitions: [], members: [], epoch: '', leader: '', node: '', rpc: '' };
  return { ...none, ...value };
}

function unreadable() {
  return clientError('client/bad-answer', "the node's map of its cluster cannot be read");
}
