/** A validator's key in the wrong hands (P13, P25, P27, X12). */
import { strict as assert } from 'node:assert';
import { equalBytes, toHex } from '../../../base/bytes.ts';
import { encodeTransaction } from '../../../chain/index.ts';
import { certificateHash, encodeMultihash } from '../../../receipt/index.ts';
import { eventually } from '../../support/attack/devnet.ts';
import {
  type Draft,
  RogueValidator,
  type Sealed,
  seal,
} from '../../support/attack/rogue-validator.ts';
import { GARBAGE, type Scene } from '../../support/attack/scene.ts';
import type { Workspace } from '../../support/node-process.ts';

export function attacksByValidator(scene: Scene, workspace: Workspace): void {
  describe('by a validator', () => {
    let rogue: RogueValidator;

    before(async () => {
      const { code, stdout, stderr } = await workspace.cli(['devnet', 'fault', 'kill', 'node-3']);
      assert.equal(code, 0, stdout + stderr);
      rogue = await RogueValidator.start(scene.devnet, 3);
    });
    after(() => rogue?.close());

    /** Whether its block became final; a turn may be over before the proposal is heard. */
    async function becameFinal({ height, id }: Sealed): Promise<boolean> {
      await eventually(
        async () => (await scene.devnet.height()) >= height,
        'the end of the height',
      );
      return equalBytes((await scene.devnet.block(height)).id, id);
    }

    /** What node 0 says of a proposal that nobody votes for. Takes turns until one is heard in time. */
    async function refused(make: (draft: Draft) => Sealed | Promise<Sealed>): Promise<string> {
      let said: string | undefined;
      await eventually(async () => {
        await rogue.newIdentity();
        const proposed = await make(await rogue.turn());
        await rogue.propose(proposed);
        assert.equal(await becameFinal(proposed), false, 'it became final');
        const { height } = proposed;
        said = linesOf(scene.devnet.log(), 'proposal refused', `"height":${height},"round":0,`);
        if (said === '') return false;
        await eventually(() => rogue.prevotes(height).nil === 3, 'three votes for no block');
        assert.equal(rogue.prevotes(height).block, 0, 'votes for the block');
        return true;
      }, 'a refusal');
      return said ?? '';
    }

    it('makes a good block of its final: what follows is refused for its fault alone', async () => {
      await eventually(async () => {
        const proposed = seal(await rogue.turn());
        await rogue.propose(proposed);
        return await becameFinal(proposed);
      }, 'a block of the validator');
    });

    const spoil: [string, RegExp, (draft: Draft) => Sealed | Promise<Sealed>][] = [
      [
        'a wrong state root',
        /state/,
        (draft) => seal(draft, { header: { state: new Uint8Array(32).fill(1) } }),
      ],
      [
        'a time before that of its parent',
        /time/,
        (draft) => seal(draft, { header: { time: draft.header.time - 3_600_000 } }),
      ],
      [
        'a time far in the future',
        /untimely.*P25/,
        (draft) => seal(draft, { header: { time: draft.header.time + 3_600_000 } }),
      ],
      [
        'another proposer',
        /proposer/,
        (draft) => seal(draft, { header: { proposer: draft.header.proposer === 0 ? 1 : 0 } }),
      ],
      [
        'a certificate that proves nothing',
        /certif/,
        (draft) =>
          seal(
            { ...draft, certificate: GARBAGE },
            { header: { certificate: certificateHash(GARBAGE) } },
          ),
      ],
      [
        'a transaction that does not apply',
        /nonce/,
        async (draft) => {
          const { bytes } = await scene.devnet.sign(
            await scene.devnet.account(0),
            { kind: 'notarize', multihash: multihash() },
            { nonce: 900_000n },
          );
          return seal(draft, { transactions: [bytes] });
        },
      ],
      [
        'a transaction that nobody signed',
        /signature/,
        async (draft) => {
          const { transaction } = await scene.devnet.sign(await scene.devnet.account(0), {
            kind: 'notarize',
            multihash: multihash(),
          });
          return seal(draft, {
            transactions: [
              encodeTransaction({ ...transaction, signature: new Uint8Array(64).fill(1) }),
            ],
          });
        },
      ],
    ];
    for (const [what, reason, make] of spoil) {
      it(`votes for no block with ${what}`, async () => {
        assert.match(await refused(make), reason);
      });
    }

    const bodies: [string, RegExp, (draft: Draft) => Sealed][] = [
      [
        'bytes that are not the block',
        /body is no valid block/,
        (draft) => ({ ...seal(draft), body: GARBAGE }),
      ],
      [
        'a block longer than genesis allows',
        /bytes/,
        (draft) =>
          seal(draft, { transactions: Array.from({ length: 17 }, () => new Uint8Array(65_000)) }),
      ],
    ];
    for (const [what, reason, make] of bodies) {
      it(`holds ${what} against who sent them`, async () => {
        let fault = '';
        await eventually(async () => {
          const peer = await rogue.newIdentity();
          const proposed = make(await rogue.turn());
          await rogue.propose(proposed);
          assert.equal(await becameFinal(proposed), false);
          fault = linesOf(scene.devnet.log(), `"peer":"${peer.id}","fault":"invalid"`);
          return fault !== '';
        }, 'the fault');
        assert.match(fault, reason);
      });
    }

    /** Signs two of everything in one round; the height. */
    async function contradicts(): Promise<number> {
      const draft = await rogue.turn();
      const two = [seal(draft), seal(draft, { header: { time: draft.header.time + 1 } })];
      for (const type of [0, 1] as const) {
        for (const { id, height } of two) await rogue.vote(type, height, id);
      }
      for (const proposed of two) await rogue.propose(proposed);
      return draft.header.height;
    }

    async function blockAt(height: number, node: number): Promise<string> {
      await eventually(async () => (await scene.devnet.height(node)) >= height, 'the block');
      return toHex((await scene.devnet.block(height, node)).id);
    }

    it('counts two proposals and two votes for one round, and agrees on one block', async () => {
      await rogue.newIdentity();
      const before = await scene.devnet.metric('pyralog_consensus_misbehaviour_total');
      const kinds = ['proposal', 'prevote', 'precommit'];
      const caught = () =>
        kinds.every((kind) => linesOf(scene.devnet.log(), 'signed two things', `"${kind}"`) !== '');
      await eventually(async () => {
        const height = await contradicts();
        const ids = await Promise.all([0, 1, 2].map((node) => blockAt(height, node)));
        assert.equal(new Set(ids).size, 1, 'two blocks of one height');
        return caught();
      }, 'evidence');
      const after = await scene.devnet.metric('pyralog_consensus_misbehaviour_total');
      assert.ok(after >= before + kinds.length, `${before} and then ${after}`);
    });

    it('mutes the node whose key signs elsewhere (P26)', async () => {
      const { code, stdout, stderr } = await workspace.cli([
        'devnet',
        'fault',
        'restart',
        'node-3',
      ]);
      assert.equal(code, 0, stdout + stderr);
      await rogue.newIdentity([0, 1, 2, 3]);
      await eventually(async () => {
        await rogue.vote(0, (await scene.devnet.height()) + 1, null, [3]);
        return linesOf(scene.devnet.log(3), 'stopped voting', 'consensus/protection-behind') !== '';
      }, 'its word that it has stopped');
    });
  });
}

function multihash(): Uint8Array {
  return encodeMultihash({ algorithm: 'sha256', digest: new Uint8Array(32).fill(5) });
}

/** Lines with all of these texts. */
function linesOf(log: string, ...texts: readonly string[]): string {
  const lines = log.split('\n').filter((line) => texts.every((text) => line.includes(text)));
  return lines.join('\n');
}
