import { toHex } from '../../base/bytes.ts';
import { createGenesis, formatGenesis, systemCode, writeDurably } from '../../node/index.ts';
import { DEFAULT_PARAMETERS, type Genesis, networkId } from '../../receipt/index.ts';
import { accountArgument, amountArgument, countArgument, hexArgument } from '../chain-arguments.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import {
  bad,
  chainOfDraft,
  draftProblem,
  type GenesisDraft,
  readDraft,
  writeDraft,
} from '../genesis-draft.ts';
import { reasonOf } from '../hash-file.ts';
import { checkName } from '../names.ts';
import { readValidatorLine } from '../validator-keys.ts';

export interface GenesisNewFlags {
  readonly network: string;
  readonly blockBytes?: string;
  readonly feeBase?: string;
  readonly feePerByte?: string;
  readonly maxDelayMs?: string;
  readonly precisionMs?: string;
}

export interface AddValidatorFlags {
  readonly name?: string;
  readonly voteKey?: string;
  readonly account?: string;
  readonly power: string;
  readonly balance?: string;
}

/** `pyralog genesis new DRAFT`: the parameters of a network. */
export async function genesisNew(
  context: Context,
  path: string,
  flags: GenesisNewFlags,
): Promise<ExitCode> {
  const { network } = flags;
  checkName('network', network);
  const given = DEFAULT_PARAMETERS;
  const count = (text: string | undefined, name: string, otherwise: number) =>
    text === undefined ? otherwise : countArgument(text, name);
  const amount = (text: string | undefined, name: string, otherwise: bigint) =>
    text === undefined ? otherwise : amountArgument(text, name);
  const parameters = {
    blockBytesMax: count(flags.blockBytes, '--block-bytes', given.blockBytesMax),
    feeBase: amount(flags.feeBase, '--fee-base', given.feeBase),
    feePerByte: amount(flags.feePerByte, '--fee-per-byte', given.feePerByte),
    maxDelayMs: count(flags.maxDelayMs, '--max-delay-ms', given.maxDelayMs),
    precisionMs: count(flags.precisionMs, '--precision-ms', given.precisionMs),
  };
  const draft = { network, parameters, validators: [], accounts: [] };
  writeDraft(path, draft, false);
  return tell(context, path, draft);
}

/** `pyralog genesis add-validator DRAFT [FILE]`: from the file that `init --validator` made, or from flags. */
export async function genesisAddValidator(
  context: Context,
  [path = '', file]: readonly string[],
  flags: AddValidatorFlags,
): Promise<ExitCode> {
  const draft = readDraft(path);
  const { name, voteKey, account } = validatorOf(draft, file, flags);
  const power = amountArgument(flags.power, '--power');
  if (power < 1n) throw cliError('cli/usage', '--power is at least 1');
  const key = hexArgument(voteKey, 'a vote key', 32);
  const twice = draft.validators.find((one) => one.name === name || toHex(one.key) === toHex(key));
  if (twice !== undefined) {
    throw bad(path, `validator ${twice.name} has that name or key already`);
  }
  const validator = { name, key, power, account: hexArgument(account, 'a fee account', 32) };
  const changed = { ...draft, validators: [...draft.validators, validator] };
  const funded =
    flags.balance === undefined
      ? changed
      : withAccount(path, changed, validator.account, amountArgument(flags.balance, '--balance'));
  return keep(context, path, funded);
}

/** `pyralog genesis add-account DRAFT ACCOUNT BALANCE`. */
export async function genesisAddAccount(
  context: Context,
  [path = '', account = '', balance = '']: readonly string[],
): Promise<ExitCode> {
  const changed = withAccount(
    path,
    readDraft(path),
    accountArgument(account),
    amountArgument(balance, 'the balance'),
  );
  return keep(context, path, changed);
}

/** Writes a draft that could become a network; another is left as it was. */
function keep(context: Context, path: string, draft: GenesisDraft): ExitCode {
  const problem = draftProblem(draft);
  if (problem !== undefined) throw bad(path, `${problem}; nothing was changed (I7)`);
  writeDraft(path, draft, true);
  return tell(context, path, draft);
}

/** `pyralog genesis finalize DRAFT --out FILE`: checks, sorts, and gives the network its time, salt and id. */
export async function genesisFinalize(
  context: Context,
  path: string,
  { out }: { readonly out: string },
): Promise<ExitCode> {
  const draft = readDraft(path);
  if (draft.validators.length === 0) {
    throw bad(path, 'has no validator; add one with `pyralog genesis add-validator`');
  }
  const genesis: Genesis = {
    ...createGenesis(draft.network, Date.now()),
    chain: chainOfDraft(draft),
  };
  const text = formatGenesis(genesis);
  try {
    writeDurably(out, text, { mode: 0o644, replace: false });
  } catch (error) {
    const code = systemCode(error);
    const why = code === 'EEXIST' ? 'exists already; a genesis is never replaced' : reasonOf(error);
    throw cliError('cli/file', `${out}: ${why}`, error);
  }
  const id = networkId(genesis);
  context.print(`network ${id}`);
  context.print(`genesis ${out}: give this very file to every operator, who runs \`pyralog join\``);
  context.answer({
    networkId: id,
    file: out,
    validators: draft.validators.length,
    accounts: draft.accounts.length,
  });
  return EXIT.ok.code;
}

function validatorOf(draft: GenesisDraft, file: string | undefined, flags: AddValidatorFlags) {
  if (file !== undefined) {
    const line = readValidatorLine(file);
    if (line.network === draft.network) return { ...line, ...given(flags) };
    throw cliError(
      'cli/wrong-network',
      `${file}: is a validator of ${line.network}, but the draft makes ${draft.network}`,
    );
  }
  const { name, voteKey, account } = flags;
  if (name !== undefined && voteKey !== undefined && account !== undefined) {
    checkName('node', name);
    return { name, voteKey, account };
  }
  throw cliError(
    'cli/usage',
    'name the file of `pyralog init --validator`, or give --name, --vote-key and --account',
  );
}

/** Only what was given: a flag goes before the file. */
function given({ name, voteKey, account }: AddValidatorFlags) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(voteKey === undefined ? {} : { voteKey }),
    ...(account === undefined ? {} : { account }),
  };
}

function withAccount(
  path: string,
  draft: GenesisDraft,
  key: Uint8Array,
  balance: bigint,
): GenesisDraft {
  if (balance < 1n) throw cliError('cli/usage', 'a balance is at least 1');
  if (draft.accounts.some((one) => toHex(one.key) === toHex(key))) {
    throw bad(path, `account ${toHex(key)} has a balance already`);
  }
  return { ...draft, accounts: [...draft.accounts, { key, balance }] };
}

function tell(context: Context, path: string, draft: GenesisDraft): ExitCode {
  const { network, validators, accounts } = draft;
  const sum = accounts.reduce((all, { balance }) => all + balance, 0n);
  context.print(
    `${path}: network ${network}, ${validators.length} validators, ${accounts.length} accounts with ${sum} in all`,
  );
  context.answer({
    file: path,
    network,
    validators: validators.map(({ name, key, power, account }) => ({ name, key, power, account })),
    accounts: accounts.map(({ key, balance }) => ({ key, balance })),
  });
  return EXIT.ok.code;
}
