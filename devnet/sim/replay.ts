import { equalBytes } from '../../base/bytes.ts';
import { silentLogger } from '../../base/log.ts';
import {
  type Chain,
  clusterAccount,
  createMempool,
  decodeBlock,
  decodeTransaction,
  openChain,
  transactionId,
} from '../../chain/index.ts';
import type { StoredBlock } from '../../consensus/index.ts';
import {
  type BlockHeader,
  blockId,
  certificateHash,
  decodeHeader,
  HISTORY_TREE,
  verifyCertificate,
} from '../../receipt/index.ts';
import type { Cast } from './cast.ts';
import { MAX_DELAY_MS, PRECISION_MS } from './cast.ts';
import type { SimClock } from './clock.ts';
import { immediateTree, verifySignatures } from './immediate.ts';
import { SKEW_MS_MAX } from './nemesis.ts';
import { SimStore } from './store.ts';
import type { Witness } from './witness.ts';

export interface ReplayDeps {
  readonly cast: Cast;
  readonly clock: SimClock;
  readonly witness: Witness;
}

/** A chain that nobody was on during the run: it takes what the others call final, block by block, or finds what is wrong. */
export class Replay {
  readonly #deps: ReplayDeps;
  readonly #ids: Uint8Array[] = [];
  readonly #executed = new Map<string, number>();
  readonly #accounts = new Map<string, Uint8Array>();
  #total = 0n;

  constructor(deps: ReplayDeps) {
    this.#deps = deps;
    const { accounts, validators } = deps.cast.genesis.chain;
    for (const { key, balance } of accounts) {
      this.#know(key);
      this.#total += balance;
    }
    for (const { account } of validators) this.#know(account);
  }

  /** Q3, Q5, Q6, Q9, Q12, over all blocks from the first. */
  async run(blocks: readonly StoredBlock[]): Promise<void> {
    const tree = immediateTree();
    const chain = await this.#openChain(tree);
    for (const [i, block] of blocks.entries()) {
      const header = this.#headerOf(block, i + 1);
      if (header === undefined) break;
      this.#checkCertificate(block);
      this.#checkTime(block, header);
      if (!(await this.#apply(chain, block))) break;
      this.#checkOnce(block);
      await this.#checkMoney(chain, block.height);
      this.#ids.push(block.id);
    }
    await chain.close();
    tree.close();
  }

  #openChain(tree: ReturnType<typeof immediateTree>): Promise<Chain> {
    const { cast, clock } = this.#deps;
    const { network } = cast;
    const { time, chain } = cast.genesis;
    const onBug = (bug: unknown) => this.#violated('Q3', `replaying found a bug: ${String(bug)}`);
    return openChain({
      store: new SimStore({ random: () => 0, batchMsMax: 0 }).mount(clock),
      tree,
      genesis: { network, time, chain },
      // Not the native code that the nodes used.
      verifyCertificate: ({ height, id }, validators, certificate) =>
        verifyCertificate({ network, validators, height, id }, certificate).ok,
      verifySignatures,
      openMempool: (state) =>
        createMempool({ clock, state, network, parameters: chain.parameters, onBug }),
      log: silentLogger,
      onBug,
    });
  }

  /** Q5: what the header says of the chain before it, worked out without the code of the chain. */
  #headerOf(block: StoredBlock, height: number): BlockHeader | undefined {
    const parts = decodeBlock(block.bytes);
    const header = parts.ok ? decodeHeader(parts.value.header) : undefined;
    if (!parts.ok || header?.ok !== true) {
      this.#violated('Q3', `block ${height} cannot be read`);
      return undefined;
    }
    const history = HISTORY_TREE.root(this.#ids.map((each) => HISTORY_TREE.leaf(each)));
    const { value } = header;
    const problems = [
      [value.height === height && block.height === height, 'height'],
      [equalBytes(blockId(parts.value.header), block.id), 'id'],
      [equalBytes(value.history, history), 'history'],
      [equalBytes(value.certificate, certificateHash(parts.value.certificate)), 'certificate'],
    ] as const;
    for (const [holds, what] of problems) {
      if (!holds) this.#violated('Q5', `the ${what} of block ${height} does not fit those before`);
    }
    return value;
  }

  /** Q6. */
  #checkCertificate({ height, id, evidence }: StoredBlock): void {
    const { network, trust } = this.#deps.cast;
    const { validators } = trust;
    const verdict = verifyCertificate({ network, validators, height, id }, evidence.bytes);
    if (!verdict.ok) this.#violated('Q6', `certificate of block ${height}: ${verdict.message}`);
  }

  /** Q12: true times are known here. */
  #checkTime({ height, bytes }: StoredBlock, { time }: BlockHeader): void {
    const { finals, accepted } = this.#deps.witness;
    const first = finals.get(height);
    if (first === undefined) return;
    const early = time - first.at;
    if (early > PRECISION_MS + SKEW_MS_MAX) {
      this.#violated('Q12', `the time of block ${height} is ${early} ms after it was final`);
    }
    const noLaterThan = time + MAX_DELAY_MS + PRECISION_MS;
    const parts = decodeBlock(bytes);
    const held = new Set(
      parts.ok ? parts.value.transactions.map((each) => hex(transactionId(each))) : [],
    );
    for (const { id, at } of accepted) {
      if (!held.has(hex(id)) || this.#existedBefore(id, at)) continue;
      const late = at - noLaterThan;
      if (late > SKEW_MS_MAX) {
        this.#violated('Q12', `${hex(id)} was made ${late} ms after T2 of its block ${height}`);
      }
    }
  }

  /** Handed in again: it was there before. */
  #existedBefore(id: Uint8Array, at: number): boolean {
    return this.#deps.witness.accepted.some((other) => other.at < at && equalBytes(other.id, id));
  }

  /** Q3. */
  async #apply(chain: Chain, { height, bytes, evidence }: StoredBlock): Promise<boolean> {
    const verdict = await chain.app.validate(bytes);
    if (!verdict.ok) {
      this.#violated('Q3', `final block ${height} is not valid: ${verdict.reason}`);
      return false;
    }
    await chain.app.commit(verdict.block.id, evidence);
    return true;
  }

  /** Q9. */
  #checkOnce({ height, bytes }: StoredBlock): void {
    const parts = decodeBlock(bytes);
    for (const each of parts.ok ? parts.value.transactions : []) {
      const name = hex(transactionId(each));
      const before = this.#executed.get(name);
      if (before !== undefined) {
        this.#violated('Q9', `transaction ${name} is in block ${before} and in block ${height}`);
      }
      this.#executed.set(name, height);
      const decoded = decodeTransaction(each);
      if (!decoded.ok) continue;
      const { body } = decoded.value;
      if (body.kind === 'transfer') this.#know(body.to);
      if (body.kind === 'register-cluster') this.#know(clusterAccount(body.name));
    }
  }

  /** Q9. */
  async #checkMoney(chain: Chain, height: number): Promise<void> {
    let sum = 0n;
    for (const key of this.#accounts.values()) sum += (await chain.reader.account(key)).balance;
    if (sum === this.#total) return;
    this.#violated('Q9', `there is ${sum} of money after block ${height}, of ${this.#total}`);
  }

  #know(key: Uint8Array): void {
    this.#accounts.set(hex(key), key);
  }

  #violated(rule: string, message: string): void {
    this.#deps.witness.violated(rule, message);
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
