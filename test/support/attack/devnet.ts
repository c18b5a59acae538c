/** A devnet of real processes that a test attacks, and what its nodes say about it. */
import { strict as assert } from 'node:assert';
import { existsSync, readFileSync } from 'node:fs';
import { fromHex, toHex } from '../../../base/bytes.ts';
import {
  type SignedTransaction,
  signTransaction,
  type TransactionBody,
} from '../../../chain/index.ts';
import { createSeedSigner, type Signer } from '../../../consensus/index.ts';
import type { DevnetFile } from '../../../devnet/index.ts';
import { devnetKey, type KeyPurpose } from '../../../node/index.ts';
import { genesisHash, parseGenesisJson } from '../../../receipt/index.ts';
import type { Workspace } from '../node-process.ts';

/** Key numbers of the accounts that every devnet funds. */
const FIRST_ACCOUNT = 32;
/** Ample for every transaction here. */
const FEE = 2_000_000n;

export interface RpcFailure {
  readonly code: number;
  readonly message: string;
  readonly data: {
    readonly reason: string;
    readonly retryable: boolean;
    readonly retryAfterMs?: number;
  };
}

export interface Outcome {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: RpcFailure;
}

/** What one transaction differs in from one that applies. */
export interface TransactionChanges {
  readonly nonce?: bigint;
  readonly fee?: bigint;
  readonly until?: number;
  /** Network that it is signed for. */
  readonly network?: string;
}

export class AttackedDevnet {
  readonly file: DevnetFile;
  readonly genesisHash: Uint8Array;

  private constructor(file: DevnetFile, hash: Uint8Array) {
    this.file = file;
    this.genesisHash = hash;
  }

  /** Starts four validators in this directory; removing the workspace ends them. */
  static async start(workspace: Workspace, settings: readonly string[]): Promise<AttackedDevnet> {
    const sets = settings.flatMap((each) => ['--set', each]);
    const { child, exit } = workspace.launch([
      ...['devnet', 'up', '--port', '0', '--validators', '4', '--block-time', '0', ...sets],
    ]);
    const path = workspace.path('.pyralog', 'devnet.json');
    await eventually(() => existsSync(path) || child.exitCode !== null, 'devnet.json');
    if (child.exitCode !== null) assert.fail(`the devnet did not start: ${(await exit).stderr}`);
    const file: DevnetFile = JSON.parse(readFileSync(path, 'utf8'));
    const genesis = parseGenesisJson(
      readFileSync(workspace.path('.pyralog', 'devnet', 'genesis.json'), 'utf8'),
    );
    assert.ok(genesis.ok);
    return new AttackedDevnet(file, genesisHash(genesis.value));
  }

  get network(): string {
    return this.file.networkId;
  }

  /** Multiaddr and peer id of a node. */
  address(node: number): { readonly multiaddr: string; readonly peer: string } {
    const multiaddr = this.file.nodes[node]?.p2p ?? assert.fail(`no node ${node}`);
    return { multiaddr, peer: multiaddr.slice(multiaddr.lastIndexOf('/') + 1) };
  }

  /** One call; a refusal is an outcome. */
  async ask(method: string, params: object = {}, node = 0): Promise<Outcome> {
    const response = await fetch(this.file.nodes[node]?.rpc ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return (await response.json()) as Outcome;
  }

  /** One call that must succeed. */
  // biome-ignore lint/suspicious/noExplicitAny: results are as the method's schema says; the test reads a field or two
  async call(method: string, params: object = {}, node = 0): Promise<any> {
    const { result, error } = await this.ask(method, params, node);
    assert.ok(result !== undefined, `${method}: ${error?.message}`);
    return result;
  }

  async height(node = 0): Promise<number> {
    return Number((await this.call('chain_head', {}, node)).height);
  }

  /** Waits until the node's chain is `blocks` longer than now. */
  async goesOn(blocks = 2, nodes = [0, 1, 2]): Promise<void> {
    const grows = async (node: number) => {
      const from = await this.height(node);
      await eventually(
        async () => (await this.height(node)) >= from + blocks,
        `blocks of node ${node}`,
      );
    };
    await Promise.all(nodes.map(grows));
  }

  /** A figure of `/metrics`; the name with its labels. */
  async metric(name: string, node = 0): Promise<number> {
    const text = await (await fetch(`${this.file.nodes[node]?.rpc}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    assert.ok(line !== undefined, `no metric ${name}`);
    return Number(line.slice(name.length));
  }

  /** Faults of one kind that a node has counted. */
  faults(kind: string, node = 0): Promise<number> {
    return this.metric(`pyralog_net_faults_total{fault="${kind}"}`, node);
  }

  /** What a node has logged so far. */
  log(node = 0): string {
    return readFileSync(this.file.nodes[node]?.logFile ?? '', 'utf8');
  }

  /** The key that every devnet gives to this number; they are known to all. */
  async key(purpose: KeyPurpose, number: number) {
    return await devnetKey('devnet', { purpose, name: `node-${number}`, number });
  }

  /** Of a funded account. */
  async account(number: number): Promise<Signer> {
    return createSeedSigner((await this.key('transaction', FIRST_ACCOUNT + number)).seed);
  }

  async nextNonce(key: Uint8Array): Promise<bigint> {
    return BigInt((await this.call('chain_account', { key: toHex(key) })).nextNonce);
  }

  async sign(
    signer: Signer,
    body: TransactionBody,
    changes: TransactionChanges = {},
  ): Promise<SignedTransaction> {
    const { fee = FEE, until = 0, network = this.network } = changes;
    const nonce = changes.nonce ?? (await this.nextNonce(signer.publicKey));
    return await signTransaction(
      { sender: signer.publicKey, nonce, fee, until, body },
      network,
      signer,
    );
  }

  submit(bytes: Uint8Array, waitFor: 'pending' | 'final' = 'pending', node = 0): Promise<Outcome> {
    return this.ask('chain_submitTransaction', { transaction: toHex(bytes), waitFor }, node);
  }

  /** Why the chain does not execute a transaction that its mempool takes, or refuses at once. */
  async refusalOf(
    signer: Signer,
    body: TransactionBody,
  ): Promise<{ code: string; reason: string }> {
    const { bytes } = await this.sign(signer, body);
    const { result, error } = await this.submit(bytes, 'final');
    if (error !== undefined) return { code: error.data.reason, reason: error.message };
    const status = result?.['status'] as { state: string; code: string; reason: string };
    assert.equal(status.state, 'dropped', JSON.stringify(result));
    return status;
  }

  /** Makes a transaction final; fails when it is refused. */
  async execute(signer: Signer, body: TransactionBody, node = 0): Promise<void> {
    const { bytes } = await this.sign(signer, body);
    const { result, error } = await this.submit(bytes, 'final', node);
    assert.equal(
      (result?.['status'] as { state?: string } | undefined)?.state,
      'final',
      error?.message ?? JSON.stringify(result),
    );
  }

  /** Header, certificate and id of a final block. */
  async block(height: number, node = 0) {
    const { id, header, certificate } = await this.call(
      'chain_block',
      { height: `${height}` },
      node,
    );
    return { id: bytesOf(id), header: bytesOf(header), certificate: bytesOf(certificate) };
  }
}

function bytesOf(hex: string): Uint8Array {
  return fromHex(hex) ?? assert.fail(`not hex: ${hex}`);
}

/** Looks again and again until it is so; fails after a minute. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited a minute for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
