import type { CoreOptions } from '../native/index.ts';
import type { Genesis, GenesisChain } from '../receipt/index.ts';
import type { NodeInfo, NodePolicy, RpcOptions } from '../rpc/index.ts';
import type { ClusterFile } from './cluster-file.ts';
import type { Config } from './config/schema.ts';
import type { DataDirPaths } from './data-dir.ts';
import type { NetworkIdentity } from './identity.ts';

/** A member of this node's cluster (CG2). */
export interface PreparedMember {
  readonly number: number;
  readonly name: string;
  /** Where its RPC is reached. */
  readonly rpc?: string;
}

/** Everything that configuration, data directory and keys say, ready to open core and listeners with. */
export interface PreparedNode {
  readonly config: Config;
  readonly core: CoreOptions;
  readonly origin: string;
  /** Of the cluster this node is in; none for a lone node. */
  readonly members: readonly PreparedMember[];
  /** Its members file; of a lone node there is none. */
  readonly clusterFile: ClusterFile | undefined;
  readonly info: NodeInfo;
  readonly rpc: RpcOptions;
  /** Present when genesis has a chain (I7). */
  readonly chain: PreparedChain | undefined;
}

/** What the network half of a node is opened with. */
export interface PreparedChain {
  readonly genesis: Genesis & { readonly chain: GenesisChain };
  readonly networkId: string;
  /** 32 bytes (I2). */
  readonly genesisHash: Uint8Array;
  readonly keys: NetworkIdentity;
  readonly paths: Pick<DataDirPaths, 'chain' | 'consensus' | 'peers'>;
  /** The policy that this node's cluster is registered with (X6). */
  readonly policy: NodePolicy;
}
