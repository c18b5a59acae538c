import type { Hello, Network, NetworkLimits } from '../../net/index.ts';
import { PROTOCOL_VERSION } from '../../net/index.ts';
import { until } from '../support/until.ts';

/** What one node of a test network has of its own. */
export interface NodeSpec {
  readonly hello?: Partial<Hello>;
  readonly limits?: Partial<NetworkLimits>;
}

/** Networks that can reach each other and are not connected yet. */
export interface Fixture {
  readonly networks: readonly Network[];
  /** Lets wall time jump ahead for all of them. */
  passWall(ms: number): void;
  /** A node with the identity of one that is gone. */
  again(index: number): Promise<Network>;
}

export type MakeNetworks = (specs: readonly NodeSpec[]) => Promise<Fixture>;

export const never = new AbortController().signal;

export function helloOf(spec: NodeSpec): Hello {
  return {
    version: PROTOCOL_VERSION,
    networkId: 'devnet-0011223344556677',
    genesisHash: new Uint8Array(32).fill(7),
    role: 'full',
    headHeight: 0,
    agent: 'test',
    ...spec.hello,
  };
}

export async function dial(from: Network, to: Network): Promise<void> {
  await from.dial(to.addresses()[0] ?? '', never);
  await until(() => to.peers().some((peer) => peer.id === from.self));
}
