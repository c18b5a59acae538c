import { existsSync } from 'node:fs';
import { join as joinPath, resolve } from 'node:path';
import { toHex } from '../../base/bytes.ts';
import { isDataDir, loadConfig } from '../../node/index.ts';
import { type Genesis, networkId } from '../../receipt/index.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { makeDir } from '../make-dir.ts';
import { makeNode, readGenesisFile } from '../make-node.ts';
import { checkName } from '../names.ts';
import {
  claimValidatorKeys,
  readValidatorKeys,
  type ValidatorKeys,
  validatorPaths,
} from '../validator-keys.ts';

export interface JoinFlags {
  readonly dir: string;
  readonly peer?: readonly string[];
  readonly name?: string;
  readonly cluster?: string;
  readonly newValidator?: boolean;
}

/**
 * `pyralog join GENESIS`: a configuration and a data directory for a network that others made. With the keys that
 * `init --validator` left in the directory it is a validator's, else a full node's.
 */
export async function join(context: Context, path: string, flags: JoinFlags): Promise<ExitCode> {
  const genesis = readGenesisFile(path);
  if (genesis.chain === undefined) {
    throw cliError(
      'cli/usage',
      `${path}: this network has no chain, so there is nothing to join; \`pyralog init --genesis\` makes a node of it`,
    );
  }
  const peers = flags.peer ?? [];
  for (const peer of peers) checkPeer(peer);
  const root = resolve(context.workingDir, flags.dir);
  const passphrase = context.environment['PYRALOG_PASSPHRASE'];
  const validator = await readValidatorKeys(root, passphrase);
  const dataDir = await dataDirOf(root);
  if (validator === undefined && flags.newValidator === true) {
    throw cliError(
      'cli/usage',
      `--new-validator needs a vote key, and there is none in ${validatorPaths(root).dir}; make one with \`pyralog init --validator\``,
    );
  }
  const names = namesOf(validator, flags);
  const place = validator && placeOf(validator, genesis, names.name);
  const protection = validator && protect(root, { genesis, dataDir, flags });
  makeDir(root);
  const made = await makeNode({ root, genesis, names, peers, passphrase, validator, protection });
  context.print(`network ${made.networkId}`);
  context.print(`role ${place ?? 'full node: follows and does not vote'}`);
  context.print(`configuration ${made.file}`);
  context.print(`data ${dataDir}`);
  const account = made.account && toHex(made.account);
  const balance = account === undefined ? undefined : balanceOf(genesis, account);
  if (balance !== undefined) context.print(`account ${account}: ${fundsText(balance)}`);
  if (peers.length === 0) {
    context.note('pyralog: no --peer: name one in p2p.peers, unless this is the first node');
  }
  context.print(`start it with \`pyralog start --config ${made.file}\``);
  context.answer({
    networkId: made.networkId,
    role: validator === undefined ? 'full' : 'validator',
    inGenesis: validator === undefined ? undefined : place?.startsWith('validator ') === true,
    config: made.file,
    dataDir,
    account,
    balance,
  });
  return EXIT.ok.code;
}

/** What an account has when the chain begins; whatever happened to it since, only the chain knows. */
function balanceOf({ chain }: Genesis, account: string): bigint {
  return chain?.accounts.find(({ key }) => toHex(key) === account)?.balance ?? 0n;
}

function fundsText(balance: bigint): string {
  if (balance === 0n) return 'needs money before its log can be anchored';
  return `genesis gives it ${balance}, which pays for the anchors of its log`;
}

/** Who the node is; its cluster is its own unless it says otherwise, for a name can be registered once a network (X6). */
function namesOf(validator: ValidatorKeys | undefined, flags: JoinFlags) {
  const name = flags.name ?? validator?.line.name;
  if (name === undefined) {
    throw cliError(
      'cli/usage',
      'name the node with --name: its logs are known by that name on the whole network, so make it yours alone',
    );
  }
  checkName('node', name);
  const cluster = flags.cluster ?? validator?.line.cluster ?? name;
  checkName('cluster', cluster);
  return { name, cluster };
}

/** Where the vote key stands in the set; a name that is not the set's would confuse whoever looks for the node. */
function placeOf({ line, keys }: ValidatorKeys, genesis: Genesis, name: string): string {
  if (line.network !== genesis.network) {
    throw cliError(
      'cli/wrong-network',
      `the validator keys were made for ${line.network}, but this is the genesis of ${genesis.network}`,
    );
  }
  const set = genesis.chain?.validators ?? [];
  const at = set.findIndex(({ key }) => toHex(key) === toHex(keys.vote.publicKey));
  const there = set[at];
  if (there === undefined) return 'full node with a vote key that genesis does not name';
  if (there.name === name) return `validator ${at + 1} of ${set.length}, power ${there.power}`;
  throw cliError(
    'cli/usage',
    `genesis calls this validator ${there.name}, not ${name}: pass --name ${there.name}`,
  );
}

/** Whether a slashing protection is to be made; one that is there already is kept (P26). */
function protect(
  root: string,
  { genesis, dataDir, flags }: { genesis: Genesis; dataDir: string; flags: JoinFlags },
): 'make' | 'keep' {
  const kept = existsSync(joinPath(dataDir, 'consensus', 'protection.db'));
  if (flags.newValidator !== true) {
    if (kept) return 'keep';
    throw cliError(
      'cli/usage',
      `a vote key signs only with its slashing protection: pass --new-validator if this key never signed, else copy consensus/ of its old data directory to ${dataDir}`,
    );
  }
  claimValidatorKeys(validatorPaths(root), { networkId: networkId(genesis), dataDir });
  return kept ? 'keep' : 'make';
}

async function dataDirOf(root: string): Promise<string> {
  const file = joinPath(root, 'pyralog.yaml');
  if (existsSync(file)) throw cliError('cli/file', `${file}: exists already; nothing was changed`);
  const { config } = await loadConfig({ environment: {}, flags: {}, workingDir: root });
  if (isDataDir(config.dataDir)) {
    throw cliError(
      'cli/file',
      `${config.dataDir}: is a data directory already; nothing was changed`,
    );
  }
  return config.dataDir;
}

function checkPeer(text: string): void {
  if (/^(\/[a-z0-9]+(\/[^/\s]+)?)+\/p2p\/[A-Za-z0-9]{20,}$/.test(text)) return;
  throw cliError(
    'cli/usage',
    `${text}: not the address of a peer, such as /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…; \`pyralog net peers\` and net_status show them`,
  );
}
