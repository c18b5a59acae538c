import { join } from 'node:path';
import { PyralogError } from '../base/errors.ts';
import { dataDirPaths, readAdminToken } from '../node/index.ts';
import { callNode } from './admin-call.ts';
import { devnetError } from './files.ts';
import type { DevnetNodeDir } from './layout.ts';
import {
  lastLogLines,
  type NodeProcess,
  type ReadyNode,
  startNodeProcess,
} from './node-process.ts';

/** What became of a node's process. */
export type NodeState = 'starting' | 'running' | 'paused' | 'killed' | 'failed' | 'stopped';

/** A node of the fleet as it is now. */
export interface FleetNode {
  readonly name: string;
  readonly dir: string;
  readonly state: NodeState;
  readonly pid: number;
  readonly logFile: string;
  readonly peerId: string;
  readonly p2p: string;
  readonly ready: ReadyNode | undefined;
}

interface Member extends DevnetNodeDir {
  readonly peerId: string;
  readonly p2pPort: number;
  readonly settings: Readonly<Record<string, string>>;
  /** Kept over restarts once the node was ready. */
  rpcPort: number;
  adminPort: number;
  process: NodeProcess | undefined;
  ready: ReadyNode | undefined;
  state: NodeState;
  /** Orders to its fault switch that it hears when it is resumed. */
  onResume: Readonly<Record<string, unknown>>[];
}

export interface FleetPlan {
  readonly nodes: readonly (DevnetNodeDir & {
    readonly peerId: string;
    readonly p2pPort: number;
    /** Its own settings, by path. */
    readonly settings: Readonly<Record<string, string>>;
  })[];
  readonly rpcPort: number;
  /** Settings of all nodes, by path. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface FleetEvents {
  /** A node ended though nobody asked it to. */
  onFailure(name: string, code: number | string, logLines: readonly string[]): void;
}

/** Kill comes at once, stopping waits for calls in flight; beyond this a node is killed. */
const STOP_MS_MAX = 15_000;

/** Log files are written whole before the first record (W1): four nodes with files of 64 MiB would wait a second for it. */
const WAL_FILE_MIB = '8';

/** The node processes of a devnet: starts and ends them, and makes them fail on purpose. */
export class Fleet {
  readonly #members: Member[];
  readonly #settings: Readonly<Record<string, string>>;
  readonly #events: FleetEvents;
  #stopping = false;

  constructor(plan: FleetPlan, events: FleetEvents) {
    this.#settings = plan.settings;
    this.#events = events;
    this.#members = plan.nodes.map((node, i) => ({
      ...node,
      rpcPort: i === 0 ? plan.rpcPort : 0,
      adminPort: 0,
      process: undefined,
      ready: undefined,
      state: 'stopped',
      onResume: [],
    }));
  }

  nodes(): FleetNode[] {
    return this.#members.map((member) => ({
      name: member.name,
      dir: member.dir,
      state: member.state,
      pid: member.process?.pid ?? 0,
      logFile: join(member.dir, 'node.log'),
      peerId: member.peerId,
      p2p: p2pAddress(member),
      ready: member.ready,
    }));
  }

  /** Starts these nodes (all, if none are named); rejects with the first that did not come up, and then ends all. */
  async startAll(names?: readonly string[]): Promise<void> {
    const members = names?.map((name) => this.#member(name)) ?? this.#members;
    const starts = await Promise.allSettled(members.map((member) => this.#start(member)));
    const failed = starts.find((start) => start.status === 'rejected');
    if (failed === undefined) return;
    await this.stopAll();
    throw failed.reason;
  }

  /** Starts a node that was killed, failed or stopped. */
  async start(name: string): Promise<void> {
    await this.#start(this.#member(name));
  }

  /** SIGKILL: as if the machine had lost this process. */
  async kill(name: string): Promise<void> {
    const member = this.#running(name);
    member.state = 'killed';
    member.process?.signal('SIGKILL');
    await member.process?.exited;
  }

  /** Ends the node in order, or restarts one that ended. */
  async restart(name: string): Promise<void> {
    const member = this.#member(name);
    if (member.process !== undefined) await this.#stop(member);
    await this.#start(member);
  }

  pause(name: string): void {
    const member = this.#running(name);
    member.process?.signal('SIGSTOP');
    member.state = 'paused';
  }

  /** Lets it go on, and gives it the orders that it could not hear. */
  async resume(name: string): Promise<void> {
    const member = this.#member(name);
    if (member.state !== 'paused') throw badOrder(`${name} is not paused`);
    member.process?.signal('SIGCONT');
    member.state = 'running';
    for (const params of member.onResume.splice(0)) await this.fault(name, params);
  }

  /** As {@link fault}; a paused node hears of it when it is resumed. Whether it heard of it at once. */
  async faultOrLater(name: string, params: Readonly<Record<string, unknown>>): Promise<boolean> {
    const member = this.#running(name);
    if (member.state === 'paused') {
      member.onResume.push(params);
      return false;
    }
    await this.fault(name, params);
    return true;
  }

  /** One order to a node's own fault switch, over its admin port. */
  async fault(name: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    const member = this.#running(name);
    if (member.state === 'paused') {
      throw badOrder(
        `${name} is paused; \`pyralog devnet fault resume ${name}\` lets it hear this`,
      );
    }
    const url = urlOf(member.ready?.adminAddress);
    const token = readAdminToken(dataDirPaths(member.dir));
    const outcome = await callNode(url, { method: 'net_fault', params, token });
    if (outcome?.ok === true) return outcome.result;
    throw badOrder(`${name}: ${outcome?.message ?? 'does not answer on its admin port'}`);
  }

  peerId(name: string): string {
    return this.#member(name).peerId;
  }

  /** Ends all nodes in order. A second call kills what still runs. */
  async stopAll(): Promise<void> {
    if (this.#stopping) {
      for (const { process: running } of this.#members) running?.signal('SIGKILL');
    }
    this.#stopping = true;
    await Promise.all(this.#members.map((member) => this.#stop(member)));
    this.#stopping = false;
  }

  async #start(member: Member): Promise<void> {
    // One process a directory: a second one would take the place of the first here, and nobody would stop that.
    if (member.process !== undefined) throw badOrder(`${member.name} runs already`);
    const others = this.#members.filter((other) => other !== member);
    const process = startNodeProcess(member.dir, {
      'network.cluster': member.names.cluster,
      'network.node': member.names.node,
      'rpc.host': '127.0.0.1',
      'rpc.port': String(member.rpcPort),
      'rpc.adminPort': String(member.adminPort),
      'p2p.listen': `/ip4/127.0.0.1/tcp/${member.p2pPort}`,
      'p2p.peers': others.map(p2pAddress).join(','),
      'p2p.faultInjection': 'true',
      'store.walFileMiB': WAL_FILE_MIB,
      ...member.settings,
      ...this.#settings,
    });
    member.process = process;
    member.state = 'starting';
    member.onResume = []; // a new process has no faults
    void process.exited.then((code) => this.#exited(member, process, code));
    const ready = await this.#readiness(member, process);
    member.ready = ready;
    member.rpcPort = ready.address.port;
    member.adminPort = ready.adminAddress?.port ?? 0;
    if (member.process === process && member.state === 'starting') member.state = 'running';
  }

  async #readiness(member: Member, process: NodeProcess): Promise<ReadyNode> {
    try {
      return await process.ready;
    } catch (error) {
      await process.exited;
      member.state = 'failed';
      if (!(error instanceof PyralogError)) throw error;
      const { code, data } = error;
      throw new PyralogError(code, `${member.name}: ${error.message}`, { data, cause: error });
    }
  }

  #exited(member: Member, process: NodeProcess, code: number | string): void {
    if (member.process !== process) return;
    member.process = undefined;
    if (member.state === 'killed' || this.#stopping) return;
    if (member.state === 'stopped') return;
    const started = member.state !== 'starting';
    member.state = 'failed';
    // One that never came up is told of by whoever started it.
    if (started) this.#events.onFailure(member.name, code, lastLogLines(process.logFile));
  }

  async #stop(member: Member): Promise<void> {
    const { process } = member;
    if (process === undefined) return;
    member.state = 'stopped';
    process.stop();
    const late = setTimeout(() => process.signal('SIGKILL'), STOP_MS_MAX);
    await process.exited;
    clearTimeout(late);
    member.process = undefined;
  }

  #member(name: string): Member {
    const found = this.#members.find((member) => member.name === name);
    if (found !== undefined) return found;
    const known = this.#members.map((member) => member.name).join(', ');
    throw badOrder(`no node ${name} here; there are ${known}`);
  }

  #running(name: string): Member {
    const member = this.#member(name);
    if (member.process !== undefined) return member;
    throw badOrder(
      `${name} does not run (${member.state}); \`pyralog devnet fault restart ${name}\` starts it`,
    );
  }
}

export function urlOf(address: { host: string; port: number } | undefined): string {
  if (address === undefined) return '';
  const { host, port } = address;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function p2pAddress({ p2pPort, peerId }: { p2pPort: number; peerId: string }): string {
  return `/ip4/127.0.0.1/tcp/${p2pPort}/p2p/${peerId}`;
}

function badOrder(message: string): PyralogError {
  return devnetError('devnet/bad-order', message);
}
