/** Contradictions of the owner of a log, forged and real (X9). */
import { strict as assert } from 'node:assert';
import { ed25519 } from '@noble/curves/ed25519.js';
import { toHex } from '../../../base/bytes.ts';
import type { TransactionBody } from '../../../chain/index.ts';
import type { Signer } from '../../../consensus/index.ts';
import {
  cosign,
  formatCheckpointBody,
  formatNote,
  parseCheckpoint,
  verificationKey,
} from '../../../receipt/index.ts';
import { eventually } from '../../support/attack/devnet.ts';
import type { Scene } from '../../support/attack/scene.ts';

export function attacksByLogOwner(scene: Scene): void {
  describe('by the owner of a log', () => {
    const name = 'forger';
    const seed = new Uint8Array(32).fill(0x5e);
    const root = (byte: number) => new Uint8Array(32).fill(byte);
    let account: Signer;
    let origin: string;

    const keyName = () => `pyralog/${scene.devnet.network}/${name}/node-0`;
    interface Told {
      readonly size?: number;
      readonly root: Uint8Array;
      readonly origin?: string;
      readonly by?: Uint8Array;
      readonly signed?: boolean;
    }
    function note({
      size = 5,
      root: of,
      origin: log = origin,
      by = seed,
      signed = true,
    }: Told): string {
      const body = formatCheckpointBody({
        origin: log,
        size,
        root: of,
        epoch: 1,
        time: 1_790_000_000_500,
      });
      const key = verificationKey(keyName(), 'cosignature', ed25519.getPublicKey(seed));
      const other = verificationKey(`${keyName()}0`, 'cosignature', ed25519.getPublicKey(root(3)));
      const registered = cosign(body, key, 1_790_000_001, (message) => ed25519.sign(message, by));
      const foreign = cosign(body, other, 1_790_000_001, (message) =>
        ed25519.sign(message, root(3)),
      );
      return formatNote({ body, signatures: [signed ? registered : foreign] });
    }
    const evidence = (a: string, b: string): TransactionBody => ({
      kind: 'evidence',
      notes: [a, b],
    });
    const anchor = (size: number, of: Uint8Array): TransactionBody => ({
      kind: 'anchor',
      note: note({ size, root: of }),
      from: 0,
      paths: [[]],
    });

    before(async () => {
      account = await scene.devnet.account(0);
      origin = `pyralog/${scene.devnet.network}/${name}/notary/0`;
      await scene.devnet.execute(account, {
        kind: 'register-cluster',
        name,
        keys: [{ name: keyName(), publicKey: ed25519.getPublicKey(seed) }],
        threshold: 1,
        faults: 0,
        submitters: [account.publicKey],
        deposit: 1_000_000_000n,
      });
    });

    it('refuses a forged contradiction', async () => {
      const elsewhere = `pyralog/${scene.devnet.network}/${name}/notary/1`;
      const rows: [RegExp, string, string][] = [
        [
          /does not verify/,
          note({ root: root(1), by: root(4) }),
          note({ root: root(2), by: root(4) }),
        ],
        [
          /0 keys .* signed/,
          note({ root: root(1), signed: false }),
          note({ root: root(2), signed: false }),
        ],
        [/0 keys .* signed/, note({ root: root(1) }), note({ root: root(2), signed: false })],
        [/the roots are equal/, note({ root: root(1) }), note({ root: root(1) })],
        [/the sizes are 5 and 6/, note({ root: root(1) }), note({ root: root(2), size: 6 })],
        [/of two logs/, note({ root: root(1) }), note({ root: root(2), origin: elsewhere })],
      ];
      for (const [reason, a, b] of rows) {
        const refusal = await scene.devnet.refusalOf(account, evidence(a, b));
        assert.equal(refusal.code, 'chain/refused', refusal.reason);
        assert.match(refusal.reason, reason);
      }
      const { error } = await scene.devnet.ask('chain_log', { origin });
      assert.equal(error?.data.reason, 'chain/not-found');
    });

    it('cuts a log off on a real contradiction, whose later anchors are refused', async () => {
      await scene.devnet.execute(account, anchor(4, root(1)));
      await scene.devnet.execute(
        account,
        evidence(note({ root: root(1) }), note({ root: root(2) })),
      );
      // Another node than the one that executed it, which may be a block behind.
      const seen = () => scene.devnet.call('chain_log', { origin }, 1);
      await eventually(async () => (await seen()).cutOffAt !== undefined, 'the log to be cut off');
      const log = await seen();
      assert.equal(log.size, '4');
      assert.ok(Number(log.cutOffAt) > Number(log.height));
      const late: TransactionBody = { ...anchor(9, root(9)), from: 4 } as TransactionBody;
      const refusal = await scene.devnet.refusalOf(account, late);
      assert.match(refusal.reason, new RegExp(`${origin} was cut off at height ${log.cutOffAt}`));
      const again = await scene.devnet.refusalOf(
        account,
        evidence(note({ root: root(1) }), note({ root: root(3) })),
      );
      assert.match(again.reason, /cut off already/);
    });

    it('keeps the records of a cut-off log at checkpoint, and says why', async () => {
      const submit = async (byte: number) => {
        const params = { algorithm: 'sha256', digest: toHex(root(byte)), waitFor: 'checkpoint' };
        return await scene.devnet.call('notary_submit', params, 1);
      };
      const early = await submit(1);
      await scene.devnet.call(
        'notary_receipt',
        { id: early.id, waitFor: 'final', timeoutMs: 30_000 },
        1,
      );
      const truth = parseCheckpoint(
        (await scene.devnet.call('log_checkpoint', { origin: early.origin }, 1)).note,
      );
      assert.ok(truth.ok);
      const { keys } = await scene.devnet.call('chain_cluster', { name: 'org-1' });
      const { seed: nodeSeed, publicKey } = await scene.devnet.key('cosigning', 1);
      assert.equal(keys[0].publicKey, toHex(publicKey));
      const body = formatCheckpointBody({ ...truth.value.checkpoint, root: root(0xee) });
      const key = verificationKey(keys[0].name, 'cosignature', publicKey);
      const lie = formatNote({
        body,
        signatures: [cosign(body, key, 1_790_000_001, (m) => ed25519.sign(m, nodeSeed))],
      });
      await scene.devnet.execute(account, evidence(formatNote(truth.value.note), lie), 1);
      const late = await submit(2);
      const status = async () => (await scene.devnet.call('anchor_status', {}, 1)).logs[0];
      await eventually(async () => (await status()).cutOffAt !== undefined, 'the end of the log');
      await eventually(
        () => /"why":"the log [^"]+ was cut off at height \d+ \(X9\)"/.test(scene.devnet.log(1)),
        'the reason in the log',
      );
      await scene.devnet.goesOn(3);
      const { size, durable } = await status();
      assert.ok(Number(size) < Number(durable));
      const receipt = async (id: string) =>
        await scene.devnet.call('notary_receipt', { id, waitFor: 'checkpoint' }, 1);
      assert.equal((await receipt(late.id)).finality, undefined);
      assert.equal(
        (await scene.devnet.call('notary_status', { id: late.id }, 1)).level,
        'checkpoint',
      );
      const kept = await scene.devnet.call(
        'notary_upgradeReceipt',
        { receipt: await receipt(early.id) },
        1,
      );
      assert.equal(kept.finality.length, 1);
    });
  });
}
