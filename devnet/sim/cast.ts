import { createSeedSigner, type Signer } from '../../consensus/index.ts';
import {
  compareValidators,
  type Genesis,
  genesisHash,
  networkId,
  type TrustRoot,
  trustRootOf,
} from '../../receipt/index.ts';

/** Who takes part in a simulated network: keys, money and rules, the same for every seed with as many nodes. */
export interface Cast {
  readonly genesis: Required<Genesis>;
  readonly network: string;
  readonly genesisHash: Uint8Array;
  readonly trust: TrustRoot;
  /** Vote keys, in set order. */
  readonly voters: readonly Signer[];
  /** Accounts that the workload spends from. */
  readonly payers: readonly Signer[];
  /** Accounts that register the cluster of the toy log and send its anchors. */
  readonly submitters: readonly Signer[];
}

/** What the two clocks of a correct proposer and a correct voter may differ by is half of this each (P25). */
export const PRECISION_MS = 500;
export const MAX_DELAY_MS = 2_000;

const PAYERS = 4;
const RICH = 1_000_000_000n;
const BEFORE_START_MS = 1_000;
const WALL_START = 1_767_225_600_000;

/** `powers`: of the validators, greatest first. */
export function castOf(powers: readonly bigint[]): Cast {
  const voters = powers
    .map((power, i) => {
      const signer = createSeedSigner(seedOf(1, i));
      return { signer, power, key: signer.publicKey };
    })
    .sort(compareValidators);
  const payers = Array.from({ length: PAYERS }, (_, i) => createSeedSigner(seedOf(2, i)));
  const submitters = [0, 1].map((i) => createSeedSigner(seedOf(3, i)));
  const accounts = [...payers, ...submitters].map(({ publicKey: key }) => ({ key, balance: RICH }));
  const genesis: Required<Genesis> = {
    network: 'sim',
    time: WALL_START - BEFORE_START_MS,
    salt: new Uint8Array(16).fill(9),
    chain: {
      engine: 'pos',
      validators: voters.map(({ key, power }, i) => ({
        key,
        power,
        name: `n${i}`,
        account: createSeedSigner(seedOf(4, i)).publicKey,
      })),
      accounts: accounts.sort((a, b) => Buffer.compare(a.key, b.key)),
      parameters: {
        blockBytesMax: 65_536,
        feeBase: 1_000n,
        feePerByte: 10n,
        maxDelayMs: MAX_DELAY_MS,
        precisionMs: PRECISION_MS,
      },
    },
  };
  const trust = trustRootOf(genesis);
  if (trust === undefined)
    throw new Error('invariant broken: a genesis with a chain has a trust root');
  return {
    genesis,
    network: networkId(genesis),
    genesisHash: genesisHash(genesis),
    trust,
    voters: voters.map(({ signer }) => signer),
    payers,
    submitters,
  };
}

function seedOf(kind: number, i: number): Uint8Array {
  return new Uint8Array(32).fill(kind).fill(i + 1, 28);
}
