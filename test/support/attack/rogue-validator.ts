/** A validator's key in the wrong hands: proposes and votes whatever a test makes it. */
import { strict as assert } from 'node:assert';
import { equalBytes } from '../../../base/bytes.ts';
import { encodeBlock } from '../../../chain/index.ts';
import { createSeedSigner, type Signer } from '../../../consensus/index.ts';
import { encodeCbor } from '../../../consensus/pos/cbor.ts';
import { decodeConsensusFrame, messageFrame, proposalFrame } from '../../../consensus/pos/wire.ts';
import {
  type BftMessageInfo,
  type BftValidator,
  bftMessageInfo,
  bftProposer,
  treeRoot,
} from '../../../native/index.ts';
import type { BlockHeader } from '../../../receipt/index.ts';
import {
  blockId,
  certificateHash,
  decodeHeader,
  encodeHeader,
  labelledTree,
} from '../../../receipt/index.ts';
import { type AttackedDevnet, eventually } from './devnet.ts';
import { Guest } from './stranger.ts';

/** A block on the newest one and everything that its proposer decides. */
export interface Draft {
  readonly header: BlockHeader;
  readonly certificate: Uint8Array;
  readonly transactions: readonly Uint8Array[];
}

export interface Sealed {
  readonly height: number;
  readonly id: Uint8Array;
  readonly body: Uint8Array;
}

const HONEST = [0, 1, 2];

export class RogueValidator {
  readonly key: Uint8Array;
  readonly #devnet: AttackedDevnet;
  readonly #signer: Signer;
  readonly #validators: readonly BftValidator[];
  readonly #ids: Uint8Array[] = [];
  #guest: Guest;
  /** Votes of honest validators, as they came. */
  #votes: BftMessageInfo[] = [];

  private constructor(
    devnet: AttackedDevnet,
    signer: Signer,
    validators: readonly BftValidator[],
    guest: Guest,
  ) {
    this.#devnet = devnet;
    this.#signer = signer;
    this.#validators = validators;
    this.#guest = guest;
    this.key = signer.publicKey;
    this.#listen();
  }

  static async start(devnet: AttackedDevnet, number: number): Promise<RogueValidator> {
    const signer = createSeedSigner((await devnet.key('vote', number)).seed);
    const { validators } = await devnet.call('consensus_validators');
    const set = validators.map(({ key, power }: { key: string; power: string }) => ({
      key: Uint8Array.from(Buffer.from(key, 'hex')),
      power: BigInt(power),
    }));
    return new RogueValidator(devnet, signer, set, await Guest.start(devnet, HONEST));
  }

  /** Comes back as a peer that nobody has banned yet. */
  async newIdentity(nodes: readonly number[] = HONEST): Promise<Guest> {
    const before = this.#guest;
    this.#guest = await Guest.start(this.#devnet, nodes);
    this.#votes = [];
    this.#listen();
    await before.close();
    return this.#guest;
  }

  close(): Promise<void> {
    return this.#guest.close();
  }

  /** Resolves, at the beginning of a height whose first proposer this key is, with a good block for it. */
  async turn(): Promise<Draft> {
    let head = 0;
    await eventually(async () => {
      await this.#learn(await this.#devnet.height());
      head = await this.#devnet.height();
      // One that ended meanwhile is no turn any more.
      if (head > this.#ids.length) return false;
      return equalBytes(bftProposer(this.#validators, head + 1, 0), this.key);
    }, 'a turn');
    return await this.#draft(head);
  }

  /** A good block on this one. */
  async #draft(head: number): Promise<Draft> {
    const parent = await this.#devnet.block(head);
    const decoded = decodeHeader(parent.header);
    assert.ok(decoded.ok);
    const tree = labelledTree('history');
    const header = {
      ...decoded.value,
      height: head + 1,
      time: Math.max(Date.now(), decoded.value.time + 1),
      proposer: this.#validators.findIndex(({ key }) => equalBytes(key, this.key)),
      transactions: treeRoot('transactions', []),
      anchors: treeRoot('anchors', []),
      certificate: certificateHash(parent.certificate),
      history: tree.root(this.#ids.slice(0, head).map(tree.leaf)),
    };
    return { header, certificate: parent.certificate, transactions: [] };
  }

  async propose({ height, id, body }: Sealed, nodes: readonly number[] = HONEST): Promise<void> {
    const signature = await this.#sign([2, height, 0, null, id]);
    const message = encodeCbor([2, height, 0, null, id, this.key, signature]);
    await this.#toAll(proposalFrame(message, body), nodes);
  }

  /** Type 0 prevote, 1 precommit. */
  async vote(
    type: 0 | 1,
    height: number,
    id: Uint8Array | null,
    nodes: readonly number[] = HONEST,
  ): Promise<void> {
    const signature = await this.#sign([type, height, 0, id]);
    await this.#toAll(messageFrame(encodeCbor([type, height, 0, id, this.key, signature])), nodes);
  }

  /** Prevotes of this height's first round: validators that voted for no block, and for one. */
  prevotes(height: number): { readonly nil: number; readonly block: number } {
    const votes = this.#votes.filter(
      (vote) => vote.height === height && vote.round === 0 && vote.kind === 'prevote',
    );
    const count = (some: (vote: BftMessageInfo) => boolean) =>
      new Set(
        votes.filter(some).map(({ validator }) => Buffer.from(validator ?? []).toString('hex')),
      ).size;
    return { nil: count(({ id }) => id === undefined), block: count(({ id }) => id !== undefined) };
  }

  async #toAll(frame: Uint8Array, nodes: readonly number[]): Promise<void> {
    await Promise.all(nodes.map((node) => this.#guest.send(node, 'consensus', frame)));
  }

  #sign(fields: readonly unknown[]): Promise<Uint8Array> {
    return this.#signer.sign('vote', this.#devnet.network, encodeCbor(fields));
  }

  #listen(): void {
    this.#guest.onFrame = (_, { channel, bytes }) => {
      const frame = channel === 'consensus' ? decodeConsensusFrame(bytes) : undefined;
      if (frame?.kind !== 'message') return;
      const info = bftMessageInfo(frame.message);
      if (info !== undefined) this.#votes.push(info);
    };
  }

  /** Ids of all blocks so far: the history in a header is theirs (X10). */
  async #learn(head: number): Promise<void> {
    while (this.#ids.length < head) {
      const from = this.#ids.length + 1;
      const heights = Array.from({ length: Math.min(64, head - from + 1) }, (_, i) => from + i);
      this.#ids.push(
        ...(await Promise.all(
          heights.map(async (height) => (await this.#devnet.block(height)).id),
        )),
      );
    }
  }
}

/** The bytes of a draft, with what differs in it. */
export function seal(
  draft: Draft,
  changes: {
    readonly header?: Partial<BlockHeader>;
    readonly transactions?: readonly Uint8Array[];
  } = {},
): Sealed {
  const transactions = changes.transactions ?? draft.transactions;
  const header = encodeHeader({
    ...draft.header,
    transactions: treeRoot('transactions', [...transactions]),
    ...changes.header,
  });
  const body = encodeBlock({ header, certificate: draft.certificate, transactions });
  return { height: draft.header.height, id: blockId(header), body };
}
