import { equalBytes } from '../../base/bytes.ts';
import { type Checkpoint, treeHash, verifyInclusion } from '../../receipt/index.ts';
import { forbidden } from '../errors.ts';
import { checkSigners, readNote } from './notes.ts';
import type { BodyOf, Planner } from './plan.ts';

/** X9: two statements of a log's own keys that cannot both be true. It cuts the log off. */
export const planEvidence: Planner<'evidence'> = ({ sender, body }, state, context) => {
  const [first, second] = body.notes.map((text) => readNote(text, context.network, 'X9'));
  if (first === undefined || !first.ok) return first ?? forbidden('X9', 'a note is missing');
  if (second === undefined || !second.ok) return second ?? forbidden('X9', 'a note is missing');
  const { origin } = first.checkpoint;
  if (second.checkpoint.origin !== origin) {
    return forbidden('X9', `the notes are of two logs, ${origin} and ${second.checkpoint.origin}`);
  }
  const agree = agreement(body, first.checkpoint, second.checkpoint);
  if (agree !== undefined) return forbidden('X9', `no contradiction: ${agree}`);
  const cluster = state.cluster(first.origin.cluster);
  if (cluster === undefined) {
    return forbidden('X9', `cluster ${first.origin.cluster} is not registered`);
  }
  const log = state.log(origin);
  if (log?.cutOffAt !== undefined) {
    return forbidden('X9', `log ${origin} is cut off already, at height ${log.cutOffAt}`);
  }
  for (const { note } of [first, second]) {
    const signers = checkSigners(note, cluster, context, 'X9');
    if (!signers.ok) return signers;
  }
  const before = log ?? { origin, size: 0, roots: [], height: 0 };
  return { ok: true, payer: sender, log: { ...before, cutOffAt: context.height } };
};

/** Why two checkpoints of one log can both be true; undefined when they cannot. */
function agreement(
  { leaves }: BodyOf<'evidence'>,
  a: Checkpoint,
  b: Checkpoint,
): string | undefined {
  if (leaves === undefined) return sameRoots(a, b);
  const [recordA, recordB] = leaves.records;
  if (equalBytes(recordA, recordB)) return 'both leaves are the same';
  const tree = treeHash('blake3');
  const proved = [a, b].every(({ root, size }, i) => {
    const leaf = tree.leaf(i === 0 ? recordA : recordB);
    const path = leaves.paths[i] ?? [];
    return verifyInclusion(tree, { index: leaves.index, size, leaf, path, root });
  });
  return proved ? undefined : `a leaf does not stand at index ${leaves.index} of its checkpoint`;
}

function sameRoots(a: Checkpoint, b: Checkpoint): string | undefined {
  if (a.size !== b.size) return `the sizes are ${a.size} and ${b.size}`;
  if (!equalBytes(a.root, b.root)) return undefined;
  if (a.sha256Root === undefined || b.sha256Root === undefined) return 'the roots are equal';
  return equalBytes(a.sha256Root, b.sha256Root) ? 'the roots are equal' : undefined;
}
