import { strict as assert } from 'node:assert';
import { idleValidator, idleValidatorText } from '../../../node/idle-validator.ts';
import { DEFAULT_PARAMETERS } from '../../../receipt/index.ts';

const bytes = (n: number) => new Uint8Array(32).fill(n);

describe('a validator of genesis without its vote key', () => {
  const validators = [{ name: 'node-3', key: bytes(1), power: 1n, account: bytes(2) }];
  const chain = {
    engine: 'pos',
    validators,
    accounts: [],
    parameters: DEFAULT_PARAMETERS,
  } as const;

  it('is known by its account', () => {
    assert.equal(idleValidator({ chain }, { vote: undefined, account: bytes(2) }), 'node-3');
    assert.match(idleValidatorText('node-3'), /node-3.*never votes.*vote\.json/);
  });

  it('is no full node, and none that has its key', () => {
    assert.equal(idleValidator({ chain }, { vote: {}, account: bytes(2) }), undefined);
    assert.equal(idleValidator({ chain }, { vote: undefined, account: bytes(3) }), undefined);
    assert.equal(idleValidator({ chain }, { vote: undefined, account: undefined }), undefined);
    assert.equal(idleValidator({}, { vote: undefined, account: bytes(2) }), undefined);
  });
});
