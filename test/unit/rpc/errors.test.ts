import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PyralogError } from '../../../base/errors.ts';
import { NOTARY_ERROR_CODES } from '../../../notary/index.ts';
import { REFUSAL_CODES } from '../../../receipt/index.ts';
import { isForOperator } from '../../../rpc/errors.ts';
import { errorObjectOf, toldCodes } from '../../../rpc/index.ts';

/** Members of a union of string literals, from its source: types are gone at run time. */
function unionIn(file: string, name: string): string[] {
  const source = readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
  const start = source.indexOf(`export type ${name}`);
  assert.ok(start >= 0, `${name} is in ${file}`);
  const body = source.slice(start, source.indexOf("';", start) + 1);
  const codes = [...body.matchAll(/^\s*\| '([a-z-]+\/[a-z-]+)'/gm)].map((match) => match[1] ?? '');
  assert.ok(codes.length > 0, `${name} has codes`);
  return codes;
}

const everyCode = [
  ...NOTARY_ERROR_CODES,
  ...REFUSAL_CODES,
  ...unionIn('native/types.ts', 'NativeErrorCode'),
  ...unionIn('storage/types.ts', 'StorageErrorCode'),
  ...unionIn('native/object.ts', 'ObjectErrorCode'),
  ...unionIn('native/schema.ts', 'SchemaErrorCode'),
  ...unionIn('storage/record-types.ts', 'RecordErrorCode'),
  ...unionIn('chain/types.ts', 'ChainErrorCode'),
  ...unionIn('consensus/errors.ts', 'ConsensusErrorCode'),
  ...unionIn('net/types.ts', 'NetErrorCode'),
  ...unionIn('rpc/errors.ts', 'RpcErrorCode'),
];

describe('the map of error codes (R3)', () => {
  it('is total', () => {
    for (const code of new Set(everyCode)) {
      const error = errorObjectOf(new PyralogError(code, 'why'));
      assert.ok(error !== undefined, `${code} is mapped`);
      assert.equal(error.data.reason, code);
      const { retryable, retryAfterMs } = error.data;
      assert.equal(retryAfterMs !== undefined, retryable, `${code}: a retry has its time`);
    }
  });

  it('maps nothing that no area raises', () => {
    const known = new Set(everyCode);
    assert.deepEqual(
      toldCodes.filter((code) => !known.has(code)),
      [],
    );
  });

  it('gives every code a number of its own, apart from JSON-RPC’s', () => {
    const own = toldCodes
      .map((code) => errorObjectOf(new PyralogError(code, 'why'))?.code ?? 0)
      .filter((number) => number >= -32_099 && number <= -32_000);
    assert.equal(new Set(own).size, own.length);
  });

  it('has for the operator just what the message sends a caller to him for', () => {
    for (const code of toldCodes) {
      const error = errorObjectOf(new PyralogError(code, 'why'));
      assert.ok(error !== undefined);
      assert.equal(isForOperator(error), error.message.includes('operator'), code);
    }
  });

  it('keeps paths of the node to itself', () => {
    const thrown = new PyralogError('storage/io', 'cannot read /var/lib/secret', {
      data: { path: '/var/lib/secret' },
    });
    assert.doesNotMatch(JSON.stringify(errorObjectOf(thrown)), /secret/);
  });

  it('hands on the fields of other errors, ids as decimal strings', () => {
    const thrown = new PyralogError('notary/outcome-unknown', 'why', {
      data: { id: 18_446_744_073_709_551_615n, retryAfterMs: 12.3 },
    });
    assert.deepEqual(errorObjectOf(thrown)?.data, {
      reason: 'notary/outcome-unknown',
      retryable: true,
      retryAfterMs: 13,
      id: '18446744073709551615',
    });
  });
});
