/**
 * A network on this machine: real node processes, keys everybody knows, files that tell the CLI where it is.
 *
 * ```ts
 * const devnet = await startDevnet({ root: '.pyralog', fresh: false, validators: 4, settings: {}, onFailure });
 * console.log(devnet.file.rpc);
 * devnet.stop();
 * await devnet.stopped;
 * ```
 */

export { MEMBERS_MAX } from './cluster-layout.ts';
export {
  type DevnetErrorCode,
  type DevnetFile,
  type DevnetNode,
  devnetError,
  devnetPaths,
  findDevnet,
  isAlive,
  readDevnetFile,
} from './files.ts';
export type { FleetNode } from './fleet.ts';
export { VALIDATORS_MAX } from './layout.ts';
export { FAULT_ORDERS, type FaultOrder, loadDump } from './orders.ts';
export { answersAs, type MemberStatus, type NodeStatus, readStatus, sendOrder } from './status.ts';
export { type Devnet, type DevnetOptions, startDevnet } from './up.ts';
