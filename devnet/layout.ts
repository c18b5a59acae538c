import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  createDataDir,
  createGenesis,
  devnetKey,
  formatGenesis,
  isDataDir,
  keyName,
  keyPath,
  readGenesis,
  writeConsensusFiles,
  writeDurably,
  writeKeyFile,
} from '../node/index.ts';
import { type Genesis, networkId } from '../receipt/index.ts';
import { type DevnetAccount, type DevnetPaths, devnetError } from './files.ts';

/** One node of a devnet, as it lies on disk. */
export interface DevnetNodeDir {
  readonly number: number;
  readonly name: string;
  readonly dir: string;
  readonly names: { name: string; cluster: string; node: string; log: string };
}

export interface DevnetLayout {
  readonly genesis: Genesis;
  readonly networkId: string;
  readonly nodes: readonly DevnetNodeDir[];
  readonly accounts: readonly DevnetAccount[];
}

const NETWORK = 'devnet';
/** Base units; a transfer costs a few thousand. */
const BALANCE = 1_000_000_000_000_000n;
const ACCOUNTS = 4;
/** Key numbers of the accounts; nodes have those below. */
const FIRST_ACCOUNT = 32;
export const VALIDATORS_MAX = 16;
const PURPOSES = ['cosigning', 'log', 'vote', 'transaction', 'transport'] as const;

/**
 * Makes what is missing of a devnet on disk: genesis, data directories, keys from the seed everybody knows, funded
 * accounts (I5–I7).
 *
 * @throws PyralogError `devnet/other-size` when it was made with another number of validators or without a chain
 */
export async function layOutDevnet(paths: DevnetPaths, validators: number): Promise<DevnetLayout> {
  const genesis = await keepGenesis(paths, validators);
  const id = networkId(genesis);
  const nodes = await Promise.all(
    Array.from({ length: validators }, (_, number) => layOutNode(paths, number, genesis)),
  );
  return { genesis, networkId: id, nodes, accounts: await keepAccounts(paths, id) };
}

async function keepGenesis(paths: DevnetPaths, validators: number): Promise<Genesis> {
  const file = join(paths.nodes, 'genesis.json');
  if (!existsSync(file)) {
    if (existsSync(join(paths.nodes, 'node-0'))) throw otherSize(paths, 'no chain');
    const genesis = { ...createGenesis(NETWORK, Date.now()), chain: await chainOf(validators) };
    mkdirSync(paths.nodes, { recursive: true });
    writeDurably(file, formatGenesis(genesis), { mode: 0o644, replace: true });
    return genesis;
  }
  const genesis = readGenesis(file);
  const count = genesis.chain?.validators.length ?? 0;
  if (count !== validators) throw otherSize(paths, `${count} validators`);
  return genesis;
}

function otherSize(paths: DevnetPaths, has: string) {
  return devnetError(
    'devnet/other-size',
    `the devnet in ${paths.nodes} was made with ${has}; start it with that number, wipe it with --fresh, or use another --dir`,
  );
}

async function chainOf(count: number): Promise<NonNullable<Genesis['chain']>> {
  const publicKey = async (purpose: 'vote' | 'transaction', number: number) =>
    (await devnetKey(NETWORK, { purpose, name: 'devnet', number })).publicKey;
  const validators = await Promise.all(
    Array.from({ length: count }, async (_, number) => ({
      name: `node-${number}`,
      key: await publicKey('vote', number),
      power: 1n,
      account: await publicKey('transaction', number),
    })),
  );
  const funded = [
    ...validators.map(({ account }) => account),
    ...(await Promise.all(
      Array.from({ length: ACCOUNTS }, (_, i) => publicKey('transaction', FIRST_ACCOUNT + i)),
    )),
  ];
  return {
    engine: 'pos',
    validators: validators.toSorted((a, b) => Buffer.compare(a.key, b.key)),
    accounts: funded
      .map((key) => ({ key, balance: BALANCE }))
      .toSorted((a, b) => Buffer.compare(a.key, b.key)),
    parameters: {
      blockBytesMax: 1_048_576,
      feeBase: 1_000n,
      feePerByte: 10n,
      maxDelayMs: 2_000,
      precisionMs: 500,
    },
  };
}

async function layOutNode(
  paths: DevnetPaths,
  number: number,
  genesis: Genesis,
): Promise<DevnetNodeDir> {
  const name = `node-${number}`;
  const dir = join(paths.nodes, name);
  const names = { name: NETWORK, cluster: `org-${number}`, node: name, log: 'notary' };
  if (!isDataDir(dir)) {
    mkdirSync(dir, { recursive: true });
    await createDataDir(dir, genesis, async (at, id) => {
      // The network is as new as the directory, so its vote key never signed in it (P26). One of an interrupted start is empty.
      rmSync(at.consensus, { recursive: true, force: true });
      const { publicKey } = await devnetKey(NETWORK, { purpose: 'vote', name, number });
      const keys = PURPOSES.map(async (purpose) => {
        const of = { purpose, name: keyName(purpose, id, names), number };
        // An interrupted first start leaves keys; these are derived and come out the same.
        rmSync(keyPath(at, purpose), { force: true });
        await writeKeyFile(keyPath(at, purpose), await devnetKey(NETWORK, of));
      });
      await Promise.all([...keys, writeConsensusFiles(at, { network: id, key: publicKey })]);
    });
  }
  return { number, name, dir, names };
}

async function keepAccounts(paths: DevnetPaths, id: string): Promise<DevnetAccount[]> {
  const dir = join(paths.nodes, 'accounts');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return Promise.all(
    Array.from({ length: ACCOUNTS }, async (_, i) => {
      const name = `account-${i}`;
      const file = join(dir, `${name}.json`);
      const key = await devnetKey(NETWORK, {
        purpose: 'transaction',
        name: `pyralog/${id}/${name}`,
        number: FIRST_ACCOUNT + i,
      });
      if (!existsSync(file)) await writeKeyFile(file, key);
      return { name, key: Buffer.from(key.publicKey).toString('hex'), file };
    }),
  );
}
