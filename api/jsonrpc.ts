// SPDX-License-Identifier: Apache-2.0
/** The JSON-RPC 2.0 envelope as both ends write it (rpc.md R1, R3). */
import type { RpcErrorObject } from './types.ts';

/** What an id may be: a string, a finite number a double holds exactly, or null. */
export type RpcId = string | number | null;

/** Numbers that JSON-RPC 2.0 itself gives out. */
export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;

/** Reads the error object of an answer from anywhere; fields that are missing or wrong are filled in as "not retryable". */
export function readErrorObject(value: unknown): RpcErrorObject {
  const error = asRecord(value);
  const data = asRecord(error['data']);
  const reason = typeof data['reason'] === 'string' ? data['reason'] : 'rpc/internal';
  const after = data['retryAfterMs'];
  return {
    code: typeof error['code'] === 'number' ? error['code'] : INTERNAL_ERROR,
    message: typeof error['message'] === 'string' ? error['message'] : 'no message',
    data: {
      ...scalars(data),
      reason,
      retryable: data['retryable'] === true,
      ...(typeof after === 'number' && after >= 0 ? { retryAfterMs: after } : {}),
    },
  };
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function scalars(data: Record<string, unknown>): Record<string, string | number | boolean> {
  const kept: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(data)) {
    if (name === 'retryAfterMs') continue;
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      kept[name] = value;
    }
  }
  return kept;
}
