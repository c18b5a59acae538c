/**
 * The methods as the dispatcher takes them: each definition of `api/` with its validator, compiled once, and the
 * function that serves it. The compiler asks for a function per definition.
 */
import { Compile } from 'typebox/compile';
import {
  type MethodListener,
  type MethodName,
  type MethodParams,
  methodNames,
  methods,
} from '../api/index.ts';
import type { ChainSource } from './chain-parts.ts';
import type { MethodHandler } from './dispatch.ts';
import { adminHandlers } from './handlers-admin.ts';
import { chainHandlers } from './handlers-chain.ts';
import { clusterMapHandlers } from './handlers-cluster.ts';
import { logHandlers } from './handlers-log.ts';
import { networkHandlers } from './handlers-network.ts';
import { notaryHandlers } from './handlers-notary.ts';
import type { Handlers, Serve } from './serve.ts';
import type { RpcDependencies, RpcLimits } from './types.ts';

/** Everything of `listeners`; `admin_*` methods are missing unless the node gave actions for them. */
export function methodTable(
  dependencies: RpcDependencies,
  { limits, chain }: { readonly limits: RpcLimits; readonly chain: ChainSource },
  listeners: readonly MethodListener[],
): ReadonlyMap<string, MethodHandler> {
  const handlers: Partial<Handlers<MethodName>> = {
    ...notaryHandlers(dependencies, limits),
    ...logHandlers(dependencies),
    ...clusterMapHandlers(dependencies.cluster),
    ...chainHandlers(chain, limits),
    ...networkHandlers(dependencies, chain),
    ...(dependencies.admin === undefined
      ? {}
      : adminHandlers(dependencies.admin, dependencies.cluster)),
  };
  const table = new Map<string, MethodHandler>();
  for (const name of methodNames) {
    const served = listeners.includes(methods[name].listener) || name === 'rpc.discover';
    const handler = served ? bind(name, handlers) : undefined;
    if (handler !== undefined) table.set(name, handler);
  }
  return table;
}

function bind<M extends MethodName>(
  name: M,
  handlers: Partial<Handlers<MethodName>>,
): MethodHandler | undefined {
  const serve: Serve<M> | undefined = handlers[name];
  if (serve === undefined) return undefined;
  const validator = Compile(methods[name].params);
  return {
    fault: (params) => (validator.Check(params) ? undefined : describe(validator.Errors(params))),
    // The dispatcher runs a method only after its params passed `fault`.
    run: (params, caller) => serve(params as MethodParams<M>, caller),
  };
}

interface SchemaError {
  readonly params: object;
  readonly instancePath: string;
  readonly message: string;
}

/** The first complaint, with the field it is about; a name from the request is cut, for it may be of any length. */
function describe(errors: readonly SchemaError[]): string {
  const extra = errors.find((error) => error.message === 'schema is false');
  if (extra !== undefined) return `params${extra.instancePath.slice(0, 100)} is not a known field`;
  const [first] = errors;
  if (first === undefined) return 'params do not fit the schema; see rpc.discover';
  const choice = 'allowedValues' in first.params ? ` (${String(first.params.allowedValues)})` : '';
  const complaint = `${first.message}${choice}`.slice(0, 200);
  return `params${first.instancePath.slice(0, 100)} ${complaint}; see rpc.discover`;
}
