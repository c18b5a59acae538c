// SPDX-License-Identifier: Apache-2.0
/**
 * Every RPC method: one definition gives its types, its validation and its page in `rpc.discover` (rpc.md R2).
 * A method is added here, then served in `rpc/methods.ts`; the compiler asks for the second.
 */
import type { Static, TSchema } from 'typebox';
import { adminMethods } from './methods-admin.ts';
import { chainMethods } from './methods-chain.ts';
import { clusterMethods } from './methods-cluster.ts';
import { clusterServiceMethods } from './methods-cluster-services.ts';
import { logMethods } from './methods-log.ts';
import { networkAdminMethods, networkMethods } from './methods-network.ts';
import { notaryMethods } from './methods-notary.ts';
import { storeMethods } from './methods-store.ts';

/** Where a method can be called. */
export type MethodListener = 'public' | 'websocket' | 'admin';

export interface MethodDefinition {
  readonly summary: string;
  readonly listener: MethodListener;
  readonly params: TSchema;
  readonly result: TSchema;
  /** One call that works, for the documents and the tests of the schemas. */
  readonly example: { readonly params: unknown; readonly result: unknown };
  /** Whether repeating a call whose answer was lost changes nothing more. */
  readonly idempotent: boolean;
}

export const methods = {
  ...notaryMethods,
  ...logMethods,
  ...chainMethods,
  ...networkMethods,
  ...adminMethods,
  ...networkAdminMethods,
  ...storeMethods,
  ...clusterMethods,
  ...clusterServiceMethods,
} as const satisfies Record<string, MethodDefinition>;

export type MethodName = keyof typeof methods;
export type MethodParams<M extends MethodName> = Static<(typeof methods)[M]['params']>;
export type MethodResult<M extends MethodName> = Static<(typeof methods)[M]['result']>;

/** Names in the order of the documents. */
export const methodNames: readonly MethodName[] = Object.keys(methods).filter(isMethodName);

export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(methods, name);
}
