import { strict as assert } from 'node:assert';
import type { Cosigner } from '../../consensus/index.ts';
import {
  type Checkpoint,
  formatCheckpointBody,
  formatNote,
  parseNote,
  verifyNote,
} from '../../receipt/index.ts';

/** A cosigner over a log whose true checkpoints the test knows. */
export interface CosignerUnderTest {
  readonly cosigner: Cosigner;
  /** The log's checkpoint of its first `size` records, 0 to 8. */
  readonly checkpoint: (size: number) => Checkpoint;
  /** Restores the log from a backup of its first `size` records and a cosigner that remembers what it signed. */
  readonly restore: (size: number) => Promise<Cosigner>;
}

/** What every {@link Cosigner} keeps. */
export function describeCosigner(name: string, make: () => Promise<CosignerUnderTest>): void {
  describe(`Cosigner: ${name}`, () => {
    let under: CosignerUnderTest;
    beforeEach(async () => {
      under = await make();
    });

    async function signersOf(checkpoint: Checkpoint): Promise<readonly string[]> {
      const signature = await under.cosigner.cosign(checkpoint);
      const text = formatNote({ body: formatCheckpointBody(checkpoint), signatures: [signature] });
      const note = parseNote(text);
      assert.ok(note.ok);
      const signers = verifyNote(note.value, [under.cosigner.key]);
      assert.ok(signers.ok);
      return signers.value.map((signer) => signer.name);
    }

    it('signs what its log shows, under the key others pin', async () => {
      assert.deepEqual(await signersOf(under.checkpoint(5)), [under.cosigner.key.name]);
    });

    it('signs one (size, root) again, at another time, and smaller sizes (C7)', async () => {
      await signersOf(under.checkpoint(5));
      await signersOf({ ...under.checkpoint(5), time: 1_790_000_000_000 });
      await signersOf(under.checkpoint(3));
      await signersOf(under.checkpoint(8));
    });

    it('never signs a root or a log that is not its own', async () => {
      const foreign = { code: 'consensus/foreign-checkpoint' };
      const good = under.checkpoint(5);
      const bad: Checkpoint[] = [
        { ...good, root: new Uint8Array(32).fill(1) },
        { ...good, root: under.checkpoint(4).root },
        { ...good, size: 4 },
        { ...good, size: 9 },
        { ...good, origin: `${good.origin}1` },
        { ...good, sha256Root: new Uint8Array(32) },
      ];
      for (const checkpoint of bad)
        await assert.rejects(under.cosigner.cosign(checkpoint), foreign);
      await signersOf(good);
    });

    it('signs nothing once its log no longer extends what it signed (C6)', async () => {
      await signersOf(under.checkpoint(6));
      const small = under.checkpoint(2);
      const restored = await under.restore(4);
      await assert.rejects(restored.cosign(small), { code: 'consensus/log-rewound' });
    });

    it('signs on after a restart that lost nothing', async () => {
      await signersOf(under.checkpoint(6));
      const eight = under.checkpoint(8);
      const restored = await under.restore(8);
      await restored.cosign(eight);
    });
  });
}
