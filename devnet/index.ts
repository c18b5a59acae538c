/**
 * A network on this machine: real node processes, keys everybody knows, files that tell the CLI where it is.
 *
 * ```ts
 * const devnet = await startDevnet({ root: '.pyralog', fresh: false, settings: {} });
 * console.log(devnet.file.rpc);
 * devnet.stop();
 * await devnet.stopped;
 * ```
 */
export {
  type DevnetErrorCode,
  type DevnetFile,
  devnetError,
  devnetPaths,
  findDevnet,
  isAlive,
  readDevnetFile,
} from './files.ts';
export { type DevnetStatus, readStatus } from './status.ts';
export { type Devnet, type DevnetOptions, startDevnet } from './up.ts';
