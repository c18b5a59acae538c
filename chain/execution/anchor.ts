import {
  type AnchoredRoot,
  type Checkpoint,
  treeHash,
  verifyConsistency,
} from '../../receipt/index.ts';
import { forbidden, type Refusal } from '../errors.ts';
import type { AnchoredLog } from '../types.ts';
import { checkSigners, readNote } from './notes.ts';
import type { BodyOf, Planner } from './plan.ts';

/** X7: a newer checkpoint of a log, which extends the one that stands on the chain. The cluster's account pays. */
export const planAnchor: Planner<'anchor'> = ({ sender, body }, state, context) => {
  const note = readNote(body.note, context.network, 'X7');
  if (!note.ok) return note;
  const { checkpoint, origin } = note;
  const cluster = state.cluster(origin.cluster);
  if (cluster === undefined) {
    return forbidden('X7', `cluster ${origin.cluster} is not registered; register it first (X6)`);
  }
  if (!cluster.submitters.some((key) => Buffer.compare(key, sender) === 0)) {
    return forbidden('X7', `the sender is not a submitter of cluster ${cluster.name}`);
  }
  const log = state.log(checkpoint.origin);
  const broken = extensionProblem(body, checkpoint, log);
  if (broken !== undefined) return broken;
  const signers = checkSigners(note.note, cluster, context, 'X7');
  if (!signers.ok) return signers;
  const { size } = checkpoint;
  const roots = rootsOf(checkpoint);
  return {
    ok: true,
    payer: cluster.account,
    log: { origin: checkpoint.origin, size, roots, height: context.height, cutOffAt: undefined },
    anchor: { origin: checkpoint.origin, size, roots, keyIds: signers.keyIds },
  };
};

/** BLAKE3, then SHA-256 when the log keeps that tree too. */
function rootsOf({ root, sha256Root }: Checkpoint): AnchoredRoot[] {
  const blake3 = { alg: 'blake3', root } as const;
  return sha256Root === undefined ? [blake3] : [blake3, { alg: 'sha256', root: sha256Root }];
}

function extensionProblem(
  { from, paths }: BodyOf<'anchor'>,
  checkpoint: Checkpoint,
  log: AnchoredLog | undefined,
): Refusal | undefined {
  const { origin, size } = checkpoint;
  if (log?.cutOffAt !== undefined) {
    return forbidden('X9', `log ${origin} was cut off at height ${log.cutOffAt}`);
  }
  const onChain = log?.size ?? 0;
  if (from !== onChain) {
    return forbidden(
      'X7',
      `log ${origin} stands at size ${onChain}, the anchor starts from ${from}`,
    );
  }
  if (size <= from) return forbidden('X7', `size ${size} of ${origin} is not above ${from}`);
  const roots = rootsOf(checkpoint);
  if (paths.length !== roots.length) {
    return forbidden('X7', `the anchor has ${paths.length} paths for ${roots.length} roots`);
  }
  if ((log?.roots.length ?? 0) > roots.length) {
    return forbidden(
      'X7',
      `log ${origin} has a SHA-256 root on the chain, its new checkpoint none`,
    );
  }
  const bad = roots.find(({ alg, root }, i) => {
    const old = log?.roots.find((one) => one.alg === alg);
    const path = paths[i] ?? [];
    const tree = treeHash(alg);
    // A tree that is new here begins like one without records.
    const [start, fromRoot] = old === undefined ? [0, tree.empty()] : [from, old.root];
    return !verifyConsistency(tree, { from: start, to: size, fromRoot, toRoot: root, path });
  });
  if (bad === undefined) return undefined;
  return forbidden('X7', `the ${bad.alg} path of ${origin} does not lead from ${from} to ${size}`);
}
