import { PyralogError } from '../../base/errors.ts';
import { checkPolicy, clusterScope, isName, verificationKey } from '../../receipt/index.ts';
import { clusterAccount } from '../codec/state.ts';
import { forbidden, type Refusal } from '../errors.ts';
import type { BlockContext, BodyOf, Planner } from './plan.ts';

/** X6. */
const SUBMITTERS_MAX = 16;
/** T3. */
const KEYS_MAX = 64;

/** X6: takes a name, with the keys whose signatures will count, and funds the account that pays for its anchors. */
export const planRegistration: Planner<'register-cluster'> = ({ sender, body }, state, context) => {
  const problem = formProblem(body, context);
  if (problem !== undefined) return problem;
  const { name, keys, threshold, faults, submitters, deposit } = body;
  if (state.cluster(name) !== undefined) {
    return forbidden('X6', `cluster ${name} is registered already; choose another name`);
  }
  // Looking at public keys costs most, so it comes last.
  const broken = policyProblem(clusterScope(context.network, name), body);
  if (broken !== undefined) return broken;
  const account = clusterAccount(name);
  return {
    ok: true,
    payer: sender,
    moves: [{ from: sender, to: account, amount: deposit }],
    cluster: { name, account, keys, threshold, faults, submitters },
  };
};

/** What no state could make right. */
function formProblem(
  body: BodyOf<'register-cluster'>,
  { network }: BlockContext,
): Refusal | undefined {
  const { name, keys, submitters } = body;
  if (!isName('cluster', name)) {
    return forbidden('X6', `${JSON.stringify(name)} is not a cluster name (I1)`);
  }
  if (keys.length < 1 || keys.length > KEYS_MAX) {
    return forbidden('X6', `a cluster has 1 to ${KEYS_MAX} keys (T3)`);
  }
  if (!ascending(keys.map((key) => Buffer.from(key.name)))) {
    return forbidden('X6', 'the keys do not stand in ascending order of their names, each once');
  }
  if (submitters.length < 1 || submitters.length > SUBMITTERS_MAX) {
    return forbidden('X6', `a cluster has 1 to ${SUBMITTERS_MAX} submitters`);
  }
  if (!ascending(submitters)) {
    return forbidden('X6', 'the submitters do not stand in ascending order, each once');
  }
  const scope = clusterScope(network, name);
  const named = keys.find((key) => !key.name.startsWith(`${scope}/`));
  if (named !== undefined) {
    return forbidden('X6', `key ${JSON.stringify(named.name)} is not of ${scope} (T3)`);
  }
  return undefined;
}

/** T3, and keys that nobody could sign with. */
function policyProblem(
  scope: string,
  { keys, threshold, faults }: Pick<BodyOf<'register-cluster'>, 'keys' | 'threshold' | 'faults'>,
): Refusal | undefined {
  try {
    const full = keys.map((key) => verificationKey(key.name, 'cosignature', key.publicKey));
    const broken = checkPolicy({ scope, keys: full, threshold, faults });
    return broken === undefined ? undefined : forbidden('X6', `${broken.message} (T3)`);
  } catch (error) {
    if (error instanceof PyralogError && error.code === 'receipt/bad-key') {
      return forbidden('X6', error.message);
    }
    throw error;
  }
}

/** Bytewise, none twice. */
function ascending(list: readonly Uint8Array[]): boolean {
  return list.every((item, i) => {
    const before = list[i - 1];
    return before === undefined || Buffer.compare(before, item) < 0;
  });
}
