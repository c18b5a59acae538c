/** Opening the store: what is in it must fit together, or the node does not run (X15, X21). */
import type { FinalityEvidence } from '../../consensus/index.ts';
import { type History, openHistory, packStateChanges, type StateTree } from '../../native/index.ts';
import { type BlockHeader, decodeHeader } from '../../receipt/index.ts';
import type { KeyValue, KeyValueOp } from '../../storage/index.ts';
import { decodeAs, encodeAs, type Format } from '../codec/cbor.ts';
import { ACCOUNT, accountKey } from '../codec/state.ts';
import type { StateChange } from '../execution/working-state.ts';
import { hashUnder } from '../hash.ts';
import type { ChainGenesis } from '../options.ts';
import { ChainStore, damaged, put } from './chain-store.ts';
import { FORMAT_KEY, HEAD_KEY, heightOf, ID_RANGE, STATE_RANGE, stateKey } from './layout.ts';
import { FORMAT, HEAD, STORE_VERSION, type StoredHead } from './records.ts';

/** Bytes of state handed to the tree at once. */
const PACK_BYTES = 16 << 20;

/** What a store that was opened shows. */
export interface Opened {
  readonly store: ChainStore;
  /** Height 0 and no header before the first block. */
  readonly head: StoredHead & {
    readonly header: BlockHeader | undefined;
    readonly evidence: FinalityEvidence | undefined;
  };
  /** Version of the state tree behind the head. */
  readonly version: number;
  /** Ids of all headers; the caller closes it. */
  readonly history: History;
}

/** Opens or creates the store of one chain, and rebuilds state tree and history. Rejects with `chain/store-damaged`. */
export async function openStore(
  kv: KeyValue,
  tree: StateTree,
  genesis: ChainGenesis,
): Promise<Opened> {
  await checkFormat(kv, genesis);
  const store = new ChainStore(kv);
  const head = await readHead(store);
  const history = openHistory();
  try {
    await readHistory(kv, history, head);
    const version = await readState(kv, tree);
    const expected = head.header?.state ?? genesisRoot(tree, genesis);
    if (Buffer.compare(tree.root(version), expected) !== 0) {
      throw damaged(`the state does not have the root of height ${head.height}`);
    }
    return { store, head, version, history };
  } catch (error) {
    history.close();
    throw error;
  }
}

/** X15. */
export function genesisState({ chain }: ChainGenesis): StateChange[] {
  return chain.accounts.map(({ key, balance }) => [
    accountKey(key),
    encodeAs(ACCOUNT, { nonce: 0n, balance }),
  ]);
}

function genesisRoot(tree: StateTree, genesis: ChainGenesis): Uint8Array {
  const { version, root } = tree.apply(0, packStateChanges(genesisState(genesis)));
  tree.release(version);
  return root;
}

/** A store without a format is new: it must be empty, and gets the state of genesis. */
async function checkFormat(kv: KeyValue, genesis: ChainGenesis): Promise<void> {
  const bytes = await kv.get(FORMAT_KEY);
  if (bytes === undefined) {
    for await (const _ of kv.range({ limit: 1 })) throw damaged('it is not a store of a chain');
    await kv.batch([...newStore(genesis)]);
    return;
  }
  const { version, network } = read(FORMAT, bytes);
  if (version !== STORE_VERSION) {
    throw damaged(`its format is version ${version}; this program reads ${STORE_VERSION}`);
  }
  if (network !== genesis.network) {
    throw damaged(`it is of network ${network}; this node runs ${genesis.network}`);
  }
}

function* newStore(genesis: ChainGenesis): Iterable<KeyValueOp> {
  yield put(FORMAT_KEY, encodeAs(FORMAT, { version: STORE_VERSION, network: genesis.network }));
  yield put(HEAD_KEY, encodeAs(HEAD, { height: 0, id: new Uint8Array(0) }));
  for (const [key, value] of genesisState(genesis)) {
    if (value !== undefined) yield put(stateKey(key), value);
  }
}

async function readHead(store: ChainStore): Promise<Opened['head']> {
  const bytes = await store.kv.get(HEAD_KEY);
  if (bytes === undefined) throw damaged('it does not say which block is the newest');
  const { height, id } = read(HEAD, bytes);
  if (height === 0) return { height, id, header: undefined, evidence: undefined };
  const parts = await store.parts(height);
  if (parts === undefined) throw damaged(`block ${height}, the newest, is missing`);
  const header = decodeHeader(parts.header);
  if (!header.ok) throw damaged(`block ${height}: ${header.message}`);
  const same = Buffer.compare(hashUnder('header', parts.header), id) === 0;
  if (!same || header.value.height !== height) throw damaged(`block ${height} is another block`);
  return { height, id, header: header.value, evidence: await store.evidence(height) };
}

/** The newest header commits to all ids before it, so one root checks them all. */
async function readHistory(kv: KeyValue, history: History, head: Opened['head']): Promise<void> {
  let last: Uint8Array | undefined;
  for await (const [key, id] of kv.range(ID_RANGE)) {
    if (heightOf(key) !== history.size + 1) {
      throw damaged(`ids of headers are missing behind height ${history.size}`);
    }
    if (id.length !== 32) throw damaged(`the id of height ${heightOf(key)} is not one`);
    history.append([id]);
    last = id;
  }
  if (history.size !== head.height) {
    throw damaged(`there are ${history.size} ids of headers for ${head.height} blocks`);
  }
  if (head.header === undefined || last === undefined) return;
  const root = history.root(head.height - 1);
  if (Buffer.compare(root, head.header.history) !== 0 || Buffer.compare(last, head.id) !== 0) {
    throw damaged('the ids of headers are not those that the newest header commits to');
  }
}

async function readState(kv: KeyValue, tree: StateTree): Promise<number> {
  let version = 0;
  let pack: [Uint8Array, Uint8Array][] = [];
  let bytes = 0;
  const flush = async () => {
    const next = await tree.build(packStateChanges(pack), version);
    tree.release(version);
    version = next.version;
    pack = [];
    bytes = 0;
  };
  for await (const [key, value] of kv.range(STATE_RANGE)) {
    pack.push([key.subarray(1), value]);
    bytes += key.length + value.length;
    if (bytes >= PACK_BYTES) await flush();
  }
  await flush();
  return version;
}

function read<T>(format: Format<T>, bytes: Uint8Array): T {
  const record = decodeAs(format, bytes);
  if (!record.ok) throw damaged(record.reason);
  return record.value;
}
