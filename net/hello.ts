import { decode, encode, rfc8949EncodeOptions } from 'cborg';
import { equalBytes } from '../base/bytes.ts';
import type { Fault } from './names.ts';

/** The version of everything this node says over links and gossip (G4). */
export const PROTOCOL_VERSION = 1;

/** A hello is the first frame of a link and small: a stranger gets no more of our memory than this. */
export const HELLO_BYTES_MAX = 512;

const AGENT_CHARACTERS_MAX = 64;
const ROLES = ['full', 'validator'] as const;

export type NodeRole = (typeof ROLES)[number];

/** How a node introduces itself: the first frame of a link, in both directions (G4). */
export interface Hello {
  readonly version: number;
  /** identity.md I3. */
  readonly networkId: string;
  /** 32 bytes, identity.md I2. */
  readonly genesisHash: Uint8Array;
  readonly role: NodeRole;
  /** 32 bytes. A claim: only a vote's signature shows that the peer holds the key. */
  readonly voteKey?: Uint8Array;
  readonly headHeight: number;
  /** Program and version, printable ASCII, for people who look at a list of peers. */
  readonly agent: string;
}

/** Deterministic CBOR array (G4). */
export function encodeHello(hello: Hello): Uint8Array {
  const fields = [
    hello.version,
    hello.networkId,
    hello.genesisHash,
    ROLES.indexOf(hello.role),
    hello.voteKey ?? null,
    hello.headHeight,
    hello.agent,
  ];
  return Uint8Array.from(encode(fields, rfc8949EncodeOptions));
}

/**
 * The hello in bytes from a stranger; undefined when they are none. A later version may have added fields behind those
 * known here: it is read as far as it is known, and the peer decides whether it can talk to us (G4).
 */
export function decodeHello(bytes: Uint8Array): Hello | undefined {
  if (bytes.length > HELLO_BYTES_MAX) return undefined;
  const fields = decodeArray(bytes);
  if (fields === undefined) return undefined;
  const [version, networkId, genesisHash, role, voteKey, headHeight, agent] = fields;
  if (!isCount(version) || !isText(networkId) || !isKey(genesisHash)) return undefined;
  if (!isCount(headHeight) || !isText(agent) || !isCount(role)) return undefined;
  if (voteKey !== null && !isKey(voteKey)) return undefined;
  const roleName = ROLES[role];
  const known = version > PROTOCOL_VERSION ? fields.length >= 7 : fields.length === 7;
  if (!known || roleName === undefined) return undefined;
  const hello = { version, networkId, genesisHash, role: roleName, headHeight, agent };
  return voteKey === null ? hello : { ...hello, voteKey };
}

/** Why a peer cannot be talked to, or undefined when it can (G5). */
export function faultOfHello(mine: Hello, theirs: Hello): Fault | undefined {
  if (theirs.networkId !== mine.networkId) return 'wrong-network';
  if (!equalBytes(theirs.genesisHash, mine.genesisHash)) return 'wrong-genesis';
  return theirs.version < mine.version ? 'old-version' : undefined;
}

function decodeArray(bytes: Uint8Array): unknown[] | undefined {
  try {
    const value: unknown = decode(bytes, { strict: true, allowIndefinite: false });
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // a stranger's bytes: not being CBOR is an answer, not an accident
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isText(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= AGENT_CHARACTERS_MAX && /^[ -~]*$/.test(value)
  );
}

function isKey(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 32;
}
