import { equalBytes } from '../../base/bytes.ts';
import { decodeBlock, encodeBlock } from '../../chain/index.ts';
import {
  decodeConsensusFrame,
  decodeSyncAnswer,
  encodeStatus,
  encodeSyncAnswer,
  messageFrame,
  proposalFrame,
  readSigned,
  type Signer,
} from '../../consensus/index.ts';
import { CHANNELS, type Channel, type Frame, type Link, type PeerId } from '../../net/index.ts';
import {
  type BlockHeader,
  blockId,
  certificateHash,
  decodeCanonical,
  decodeHeader,
  encodeCanonical,
  encodeHeader,
  TRANSACTIONS_TREE,
} from '../../receipt/index.ts';
import { pickInt, pickOne } from './random.ts';
import type { Tap } from './tap.ts';

/** How a validator breaks the rules. */
export const LIES = [
  /** Says one vote to some, another to the others. */
  'double-vote',
  /** Proposes two valid blocks, each to some, and votes for each before those. */
  'double-proposal',
  /** Proposes blocks that break a rule. */
  'invalid-block',
  /** Says nothing to some. */
  'withhold',
  /** Sends bytes that mean nothing. */
  'garbage',
  /** Answers requests of blocks with others, and says it is ahead. */
  'forged-sync',
  /** Its clock is seconds off. */
  'lying-clock',
  /** Loses its disk again and again, and with it what it voted for. */
  'amnesia',
  /** Two machines with one key, each with peers of its own. */
  'twins',
] as const;
export type Lie = (typeof LIES)[number];

type Read = NonNullable<ReturnType<typeof readSigned>>;

export interface LiarDeps {
  readonly signer: Signer;
  readonly network: string;
  readonly random: () => number;
  readonly lies: ReadonlySet<Lie>;
  /** Who is told the other thing, or nothing. */
  readonly others: ReadonlySet<PeerId>;
  /** What the other twin talks to. */
  readonly deafTo: ReadonlySet<PeerId>;
  readonly told: (lie: Lie) => void;
}

/**
 * A validator that breaks the rules: a node like any other around the same core, but what it says passes through here.
 * It hears nothing that it said itself, so that its own protection does not silence it (P26).
 */
export class Liar implements Tap {
  readonly links = new Set<Link>();
  readonly #deps: LiarDeps;
  /** By id in hex, the block that goes to the others in place of it. */
  readonly #twins = new Map<string, Uint8Array>();
  readonly #made = new Map<string, Promise<Frame>>();

  constructor(deps: LiarDeps) {
    this.#deps = deps;
  }

  opened(link: Link): void {
    this.links.add(link);
  }

  blamed(): void {
    // Whom a liar blames is nobody's business.
  }

  heard(from: PeerId, { channel, bytes }: Frame): boolean {
    if (this.#deps.deafTo.has(from)) return false;
    const signed = channel === 'consensus' ? signedIn(bytes) : undefined;
    return signed === undefined || !equalBytes(signed.validator, this.#deps.signer.publicKey);
  }

  sent(to: PeerId, frame: Frame): readonly Frame[] | Promise<readonly Frame[]> {
    const { deafTo, lies, others, random, told } = this.#deps;
    if (deafTo.has(to)) return [];
    if (lies.has('withhold') && others.has(to) && frame.channel !== 'status') {
      told('withhold');
      return [];
    }
    if (lies.has('forged-sync') && frame.channel === 'answers') return this.#forgeAnswer(frame);
    if (lies.has('forged-sync') && frame.channel === 'status' && random() < 0.3) {
      return [{ channel: 'status', bytes: encodeStatus(pickInt(random, 1, 1_000)) }];
    }
    return frame.channel === 'consensus' ? this.#say(to, frame) : [frame];
  }

  /** Says something that nobody asked for. */
  babble(): void {
    const { random, told } = this.#deps;
    const channels = Object.keys(CHANNELS) as Channel[];
    for (const link of this.links) {
      const bytes = new Uint8Array(pickInt(random, 0, 80)).map(() => Math.floor(random() * 256));
      if (random() < 0.5 && bytes.length > 0) bytes[0] = pickInt(random, 0, 2);
      link.send(pickOne(random, channels), bytes, 'normal').catch(() => this.links.delete(link));
    }
    told('garbage');
  }

  #say(to: PeerId, frame: Frame): readonly Frame[] | Promise<readonly Frame[]> {
    const { lies, others, signer } = this.#deps;
    const decoded = decodeConsensusFrame(frame.bytes);
    const signed = signedIn(frame.bytes);
    const isOwn = signed !== undefined && equalBytes(signed.validator, signer.publicKey);
    if (!isOwn || decoded === undefined || decoded.kind === 'heard') return [frame];
    if (decoded.kind === 'proposal') {
      if (lies.has('invalid-block')) return this.#once(frame, () => this.#spoil(signed, decoded));
      if (!(lies.has('double-proposal') && others.has(to))) return [frame];
      return this.#once(frame, () => this.#proposeOther(signed, decoded));
    }
    const double = lies.has('double-vote') || lies.has('double-proposal');
    return double && others.has(to) ? this.#once(frame, () => this.#voteOther(signed)) : [frame];
  }

  /** The same lie to everybody who is told it. */
  async #once(frame: Frame, make: () => Promise<Frame | undefined>): Promise<readonly Frame[]> {
    const name = hex(frame.bytes);
    let made = this.#made.get(name);
    if (made === undefined) {
      made = make().then((other) => other ?? frame);
      this.#made.set(name, made);
    }
    return [await made];
  }

  async #voteOther({ record }: Read): Promise<Frame | undefined> {
    const { lies, told } = this.#deps;
    const { height, round, step, id } = record;
    const twin = id === undefined ? undefined : this.#twins.get(hex(id));
    if (twin === undefined && !lies.has('double-vote')) return undefined;
    const known = [...this.#twins.values()].at(-1) ?? new Uint8Array(32).fill(height & 0xff);
    const other = twin ?? (id === undefined ? known : null);
    told('double-vote');
    const fields = [step === 1 ? 0 : 1, height, round, other];
    return vote(await this.#signed(fields));
  }

  async #proposeOther(signed: Read, { body }: { readonly body: Uint8Array }) {
    // A millisecond later it is another block, and as valid.
    const changed = changeHeader(body, (header) => ({ ...header, time: header.time + 1 }));
    const { id } = signed.record;
    if (signed.record.polRound !== undefined || changed === undefined || id === undefined) {
      return undefined;
    }
    this.#twins.set(hex(id), changed.id);
    this.#deps.told('double-proposal');
    return this.#proposal(signed, changed);
  }

  async #spoil(signed: Read, { body }: { readonly body: Uint8Array }) {
    const changed = spoil(body, this.#deps.random);
    if (changed === undefined) return undefined;
    this.#deps.told('invalid-block');
    return this.#proposal(signed, changed);
  }

  async #proposal({ record }: Read, { id, body }: Changed): Promise<Frame> {
    const { height, round, polRound } = record;
    const message = await this.#signed([2, height, round, polRound ?? null, id]);
    return { channel: 'consensus', bytes: proposalFrame(message, body) };
  }

  async #signed(fields: readonly (number | Uint8Array | null)[]): Promise<Uint8Array> {
    const { network, signer } = this.#deps;
    const signature = await signer.sign('vote', network, encodeCanonical([...fields]));
    return encodeCanonical([...fields, signer.publicKey, signature]);
  }

  #forgeAnswer(frame: Frame): readonly Frame[] {
    const { random, told } = this.#deps;
    const answer = decodeSyncAnswer(frame.bytes);
    if (answer === undefined || answer.blocks.length === 0) return [frame];
    told('forged-sync');
    const victim = Math.floor(random() * answer.blocks.length);
    const blocks = answer.blocks.map((block, i) => {
      if (i !== victim) return block;
      if (random() < 0.5) return { ...block, certificate: weaken(block.certificate, random) };
      // Another block that would be valid, or one that never was.
      const other = (header: BlockHeader) => ({ ...header, time: header.time + 1 });
      const changed =
        random() < 0.5 ? changeHeader(block.bytes, other) : spoil(block.bytes, random);
      return { ...block, bytes: changed?.body ?? block.bytes };
    });
    return [{ channel: 'answers', bytes: encodeSyncAnswer({ ...answer, blocks }) }];
  }
}

interface Changed {
  readonly id: Uint8Array;
  readonly body: Uint8Array;
}

type Parts = NonNullable<ReturnType<typeof readBlock>>;

function readBlock(body: Uint8Array) {
  const parts = decodeBlock(body);
  const header = parts.ok ? decodeHeader(parts.value.header) : undefined;
  if (!parts.ok || header?.ok !== true) return undefined;
  const { certificate, transactions } = parts.value;
  return { header: header.value, certificate, transactions };
}

/** The same block with another header. */
function changeHeader(
  body: Uint8Array,
  change: (header: BlockHeader) => BlockHeader,
): Changed | undefined {
  return changeBlock(body, (parts) => ({ ...parts, header: change(parts.header) }));
}

function changeBlock(body: Uint8Array, change: (parts: Parts) => Parts): Changed | undefined {
  const parts = readBlock(body);
  if (parts === undefined) return undefined;
  const { header, certificate, transactions } = change(parts);
  const bytes = encodeHeader(header);
  return { id: blockId(bytes), body: encodeBlock({ header: bytes, certificate, transactions }) };
}

/** A block that breaks one rule (X10 to X12), with an id of its own. */
function spoil(body: Uint8Array, random: () => number): Changed | undefined {
  const other = new Uint8Array(32).fill(pickInt(random, 0, 255));
  const inHeader: ((header: BlockHeader) => Partial<BlockHeader>)[] = [
    () => ({ state: other }),
    () => ({ history: other }),
    () => ({ anchors: other }),
    () => ({ transactions: other }),
    () => ({ certificate: other }),
    ({ time }) => ({ time: time + 3_600_000 }),
    ({ time }) => ({ time: Math.max(1, time - 3_600_000) }),
    ({ height }) => ({ height: height + 1 }),
    ({ proposer }) => ({ proposer: proposer === 0 ? 1 : 0 }),
    () => ({ nextValidators: other }),
  ];
  if (random() < 0.6) {
    const change = pickOne(random, inHeader);
    return changeHeader(body, (header) => ({ ...header, ...change(header) }));
  }
  return changeBlock(body, random() < 0.5 ? repeatTransaction : (parts) => lessCertified(parts));
}

/** Its first transaction stands in it twice, and the header commits to that. */
function repeatTransaction({ header, certificate, transactions }: Parts): Parts {
  const [first] = transactions;
  const twice = first === undefined ? [Uint8Array.of(1)] : [...transactions, first];
  const root = TRANSACTIONS_TREE.root(twice.map((each) => TRANSACTIONS_TREE.leaf(each)));
  return { header: { ...header, transactions: root }, certificate, transactions: twice };
}

/** Its parent's certificate has too few votes left, and the header commits to that. */
function lessCertified({ header, certificate, transactions }: Parts): Parts {
  const [round, signers, signatures] = decodeCanonical(certificate) ?? [];
  if (!(signers instanceof Uint8Array && signatures instanceof Uint8Array)) {
    return { header: { ...header, history: new Uint8Array(32) }, certificate, transactions };
  }
  // The lowest one stays alone.
  const byte = signers.findIndex((bits) => bits !== 0);
  const alone = signers.map((bits, i) => (i === byte ? bits & -bits : 0));
  const less = encodeCanonical([round ?? 0, alone, signatures.slice(0, 64)]);
  return {
    header: { ...header, certificate: certificateHash(less) },
    certificate: less,
    transactions,
  };
}

/** A certificate of fewer votes, of another round, or with a false signature. */
function weaken(certificate: Uint8Array, random: () => number): Uint8Array {
  const bytes = Uint8Array.from(certificate);
  const at = Math.floor(random() * bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << pickInt(random, 0, 7));
  return bytes;
}

function signedIn(bytes: Uint8Array): Read | undefined {
  const frame = decodeConsensusFrame(bytes);
  return frame === undefined || frame.kind === 'heard' ? undefined : readSigned(frame.message);
}

function vote(message: Uint8Array): Frame {
  return { channel: 'consensus', bytes: messageFrame(message) };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
