/** What a function that serves a method looks like. */
import { type MethodName, type MethodParams, type MethodResult, Misread } from '../api/index.ts';
import { PyralogError } from '../base/errors.ts';
import type { Caller } from './dispatch.ts';
import type { Written } from './written.ts';

/** The function behind one method; trouble is thrown as a PyralogError with a known code. */
export type Serve<M extends MethodName> = (
  params: MethodParams<M>,
  caller: Caller,
) => MethodResult<M> | Written | Promise<MethodResult<M> | Written>;

export type Handlers<M extends MethodName> = { readonly [Name in M]: Serve<Name> };

/** What was read from the wire, or its refusal thrown under its own code. */
export function need<T>(value: T | Misread): T {
  if (value instanceof Misread) throw new PyralogError(value.code, value.message);
  return value;
}
