import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeConfig, loadConfig, nearestName } from '../../../node/index.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('node configuration', () => {
  const dir = tempDir();
  const load = (yaml: string, environment = {}, flags = {}) => {
    writeFileSync(join(dir(), 'pyralog.yaml'), yaml);
    return loadConfig({ environment, flags, workingDir: dir() });
  };

  it('takes defaults, file, environment and flags in this order (D7)', async () => {
    const yaml = 'rpc: { port: 1, adminPort: 2, host: file }\ndataDir: data\n';
    const environment = { PYRALOG_RPC_ADMIN_PORT: '3', PYRALOG_RPC_HOST: 'env' };
    const { config } = await load(yaml, environment, { 'rpc.host': 'flag' });
    assert.deepEqual(
      [config.rpc.port, config.rpc.adminPort, config.rpc.host, config.store.walFileMiB],
      [1, 3, 'flag', 64],
    );
    assert.equal(config.dataDir, join(dir(), 'data'));
  });

  for (const [yaml, nearest] of [
    ['rpc: { prot: 1 }', /did you mean rpc\.port\?/],
    ['datadir: x', /did you mean dataDir\?/],
    ['stroe: {}', /did you mean store\?/],
    ['rpc: { port: 70000 }', /rpc\.port is 70000, but must be integer 0 … 65535/],
    ['rpc: { port: "7" }', /rpc\.port is "7"/],
    ['logLevel: loud', /debug \| info \| warn \| error/],
    ['network: { name: Acme }', /network\.name is "Acme"/],
    ['- a', /not a list of settings/],
    ['a: [', /not valid YAML/],
  ] as const) {
    it(`refuses ${yaml} (D8)`, async () => {
      await assert.rejects(load(yaml), { code: 'node/bad-config', message: nearest });
    });
  }

  it('refuses an unknown variable and leaves those of the CLI alone (D9)', async () => {
    await load('', { PYRALOG_NODE: 'x', PYRALOG_TRUST: 'y' });
    await assert.rejects(load('', { PYRALOG_RPC_PROT: '1' }), /did you mean PYRALOG_RPC_PORT/);
  });

  it('writes a file that reads as it was given, and as the defaults (D10)', async () => {
    const { format } = await describeConfig();
    const { config } = await load(format(new Map([['network.node', 'n7']])));
    const { config: plain } = await load('network: { node: n7 }');
    assert.deepEqual(config, plain);
    const uncommented = format(new Map()).replaceAll(/^( *)# (\w+: )/gm, '$1$2');
    assert.deepEqual((await load(uncommented)).config, (await load('')).config);
  });

  it('describes every setting', async () => {
    for (const field of (await describeConfig()).fields) assert.ok(field.description, field.path);
  });

  it('is documented in OPERATIONS as it is (D10)', async () => {
    const path = 'docs/OPERATIONS.md';
    const page = readFileSync(path, 'utf8');
    const between = /(<!-- generated from [^\n]*-->\n)[\s\S]*?(\n\n<!-- end -->)/;
    assert.match(page, between);
    const current = page.replace(between, `$1${(await describeConfig()).table()}$2`);
    if (process.env['UPDATE'] === '1') writeFileSync(path, current);
    else assert.equal(page, current, 'run with UPDATE=1');
  });

  it('finds near names and no far ones', () => {
    assert.equal(nearestName('prot', ['port', 'host']), 'port');
    assert.equal(nearestName('zzzzzz', ['port', 'host']), undefined);
  });
});
