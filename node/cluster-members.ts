import { PyralogError } from '../base/errors.ts';
import type { AgreedMember, AgreedState } from '../native/index.ts';

/** Members of now, without those that were removed (GR4). */
export function membersHere({ members }: AgreedState): AgreedMember[] {
  return members.filter(({ status }) => status !== 'removed');
}

/** The member of that name. Throws `rpc/invalid-params` with the names there are. */
export function memberNamed<T extends { readonly name: string }>(
  members: readonly T[],
  name: string,
): T {
  const member = members.find((one) => one.name === name);
  if (member !== undefined) return member;
  const known = members.map((one) => one.name).join(', ');
  throw new PyralogError(
    'rpc/invalid-params',
    `there is no member ${name}; the cluster has ${known}`,
  );
}
