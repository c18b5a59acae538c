// SPDX-License-Identifier: Apache-2.0
/**
 * The genesis document: what makes a network this one and no other (I2, I3, I7).
 *
 * Its hash is part of the network id, so two networks of one name never share an
 * origin, and a wiped devnet never signs under the old one (I6).
 */
import { blake3 } from '@noble/hashes/blake3.js';
import { encode } from 'cborg';
import { equalBytes, fromHex, toHex, toUtf8 } from '../base/bytes.ts';
import { isUint, parseSafe } from '../base/decimal.ts';
import { PyralogError } from '../base/errors.ts';
import { decodeCbor } from './cbor.ts';
import { fieldProblem, formatJson, isFields, parseJson } from './fields.ts';
import {
  chainFromCbor,
  chainFromJson,
  chainProblem,
  chainToCbor,
  chainToJson,
} from './genesis-chain.ts';
import { isName } from './identity.ts';
import { accept, type Parsed, type Refusal, type RefusalCode, refuse } from './refusal.ts';
import type { Genesis, GenesisChain, TrustRoot } from './types.ts';

const VERSION = 1;
const SALT_BYTES = 16;
const HASH_CONTEXT = toUtf8('pyralog v1 genesis');

/** Deterministic CBOR (I2). Throws `receipt/bad-genesis`. */
export function encodeGenesis(genesis: Genesis): Uint8Array {
  const problem = genesisProblem(genesis);
  if (problem !== undefined) throw new PyralogError<RefusalCode>('receipt/bad-genesis', problem);
  const map = new Map<number, unknown>([
    [0, VERSION],
    [1, genesis.network],
    [2, genesis.time],
    [3, genesis.salt],
  ]);
  if (genesis.chain !== undefined) map.set(4, chainToCbor(genesis.chain));
  return encode(map);
}

/** Reads the CBOR form; refuses anything but the bytes that `encodeGenesis` makes (I2). */
export function decodeGenesis(bytes: Uint8Array): Parsed<Genesis> {
  const map = decodeCbor(bytes);
  if (!(map instanceof Map)) return bad('not a CBOR map');
  const [network, time, salt] = [map.get(1), map.get(2), map.get(3)];
  const chain = map.has(4) ? chainFromCbor(map.get(4)) : undefined;
  const read = fromParts(map.get(0), { network, time, salt, chain });
  if (!read.ok || equalBytes(encodeGenesis(read.value), bytes)) return read;
  return refuse('receipt/not-canonical', 'genesis: not in deterministic CBOR, or more than I2 has');
}

/** Reads `genesis.json`; white space and order are free, fields are not. */
export function parseGenesisJson(text: string): Parsed<Genesis> {
  const value = parseJson(text);
  if (!isFields(value) || value['pyralog'] !== 'genesis') {
    return bad('not a JSON object with "pyralog": "genesis"');
  }
  if (isNewer(value['version'])) return newer();
  const names = ['pyralog', 'version', 'network', 'time', 'salt'];
  const problem = fieldProblem(value, names, ['chain']);
  if (problem !== undefined) return bad(problem);
  const time = typeof value['time'] === 'string' ? parseSafe(value['time']) : undefined;
  const salt = typeof value['salt'] === 'string' ? fromHex(value['salt']) : undefined;
  const chain = Object.hasOwn(value, 'chain') ? chainFromJson(value['chain']) : undefined;
  return fromParts(value['version'], { network: value['network'], time, salt, chain });
}

/** The text of `genesis.json`. Throws `receipt/bad-genesis`. */
export function formatGenesisJson(genesis: Genesis): string {
  const problem = genesisProblem(genesis);
  if (problem !== undefined) throw new PyralogError<RefusalCode>('receipt/bad-genesis', problem);
  return formatJson({
    pyralog: 'genesis',
    version: VERSION,
    network: genesis.network,
    time: String(genesis.time),
    salt: toHex(genesis.salt),
    ...(genesis.chain && { chain: chainToJson(genesis.chain) }),
  });
}

/** BLAKE3 `derive_key` over the CBOR form, 32 bytes (I2). */
export function genesisHash(genesis: Genesis): Uint8Array {
  return blake3(encodeGenesis(genesis), { context: HASH_CONTEXT });
}

/** Network name, a hyphen, 16 hex digits of the genesis hash (I3). */
export function networkId(genesis: Genesis): string {
  return `${genesis.network}-${toHex(genesisHash(genesis).subarray(0, 8))}`;
}

/** The chain's root of trust at height 0 (F1); `undefined` when the network has no chain. */
export function trustRootOf(genesis: Genesis): TrustRoot | undefined {
  if (genesis.chain === undefined) return undefined;
  const { validators, parameters } = genesis.chain;
  return {
    network: networkId(genesis),
    height: 0,
    validators: validators.map(({ key, power, name }) => ({ key, power, name })),
    maxDelayMs: parameters.maxDelayMs,
    precisionMs: parameters.precisionMs,
  };
}

interface Parts {
  readonly network: unknown;
  readonly time: unknown;
  readonly salt: unknown;
  /** Read already; `undefined` when the document has none. */
  readonly chain: Parsed<GenesisChain> | undefined;
}

function fromParts(version: unknown, { network, time, salt, chain }: Parts): Parsed<Genesis> {
  if (isNewer(version)) return newer();
  if (version !== VERSION) return bad('version is not 1');
  if (typeof network !== 'string' || !isUint(time) || !(salt instanceof Uint8Array)) {
    return bad('needs a network name, a time in Unix milliseconds and a salt');
  }
  if (chain?.ok === false) return chain;
  const genesis: Genesis = { network, time, salt, ...(chain && { chain: chain.value }) };
  const problem = genesisProblem(genesis);
  return problem === undefined ? accept(genesis) : bad(problem);
}

function genesisProblem({ network, time, salt, chain }: Genesis): string | undefined {
  if (!isName('network', network)) return `${JSON.stringify(network)} is not a network name (I1)`;
  if (!isUint(time)) return 'time is 0 to 2^53 − 1, Unix milliseconds';
  if (salt.length !== SALT_BYTES) return `salt has ${SALT_BYTES} bytes`;
  return chain === undefined ? undefined : chainProblem(chain);
}

function isNewer(version: unknown): boolean {
  return isUint(version) && version > VERSION;
}

function newer(): Refusal {
  return refuse('receipt/newer-version', 'genesis: made by a newer version; update pyralog');
}

function bad(what: string): Refusal {
  return refuse('receipt/bad-genesis', `genesis: ${what}`);
}
