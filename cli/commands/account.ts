import { toHex } from '../../base/bytes.ts';
import { PyralogError } from '../../base/errors.ts';
import { type Client, seedKey, signTransaction, type TransactionKey } from '../../client/index.ts';
import { createKey, readKeyFile, writeDurably, writeKeyFile } from '../../node/index.ts';
import { accountArgument, amountArgument, countArgument } from '../chain-arguments.ts';
import type { Context } from '../context.ts';
import { cliError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type NodeFlags, withNode } from '../find-node.ts';
import { reasonOf } from '../hash-file.ts';
import { passphraseOf } from '../passphrase.ts';
import { submitAndTell, type WaitFlags } from './transaction.ts';

export interface AccountNewFlags {
  readonly name: string;
  readonly passphraseFile?: string;
}

export interface TransferFlags extends NodeFlags, WaitFlags {
  readonly from: string;
  readonly fee?: string;
  readonly nonce?: string;
  readonly until: string;
  readonly out?: string;
  readonly passphraseFile?: string;
}

/** `pyralog account new FILE`: a key that owns what is sent to it. */
export async function accountNew(
  context: Context,
  path: string,
  flags: AccountNewFlags,
): Promise<ExitCode> {
  const key = createKey('transaction', flags.name);
  const passphrase = passphraseOf(context, flags.passphraseFile);
  try {
    await writeKeyFile(path, key, passphrase);
  } catch (error) {
    if (error instanceof PyralogError) throw error;
    throw cliError('cli/file', `${path}: cannot be written (${reasonOf(error)})`, error);
  }
  context.print(`account ${toHex(key.publicKey)}`);
  context.print(
    `key ${path}, ${passphrase === undefined ? 'not encrypted; guard it' : 'encrypted'}`,
  );
  context.answer({ account: key.publicKey, file: path, encrypted: passphrase !== undefined });
  return EXIT.ok.code;
}

/** `pyralog account balance ACCOUNT`. */
export async function accountBalance(
  context: Context,
  text: string,
  flags: NodeFlags,
): Promise<ExitCode> {
  const key = accountArgument(text);
  return withNode(context, flags, async (client) => {
    const { balance, nonce } = await client.chain.account(key, { signal: context.signal });
    context.print(`${toHex(key)}: ${balance}`);
    context.answer({ account: key, balance, nonce });
    return EXIT.ok.code;
  });
}

/** `pyralog account nonce ACCOUNT`: the next one that is free, counting what waits at the node. */
export async function accountNonce(
  context: Context,
  text: string,
  flags: NodeFlags,
): Promise<ExitCode> {
  const key = accountArgument(text);
  return withNode(context, flags, async (client) => {
    const { nonce, nextNonce } = await client.chain.account(key, { signal: context.signal });
    context.print(`${toHex(key)}: ${nextNonce}`);
    context.answer({ account: key, nextNonce, nonce });
    return EXIT.ok.code;
  });
}

/** `pyralog account transfer TO AMOUNT --from FILE`. */
export async function accountTransfer(
  context: Context,
  [toText = '', amountText = '']: readonly string[],
  flags: TransferFlags,
): Promise<ExitCode> {
  const to = accountArgument(toText);
  const amount = amountArgument(amountText, 'the amount');
  if (amount < 1n)
    throw cliError('cli/usage', 'the amount is at least 1: 0 would cost its fee and move nothing');
  const until = countArgument(flags.until, '--until');
  const fee = flags.fee === undefined ? 'least' : amountArgument(flags.fee, '--fee');
  const given = flags.nonce === undefined ? undefined : amountArgument(flags.nonce, '--nonce');
  const own = await readKeyFile(flags.from, () => passphraseOf(context, flags.passphraseFile));
  if (own.purpose !== 'transaction') {
    throw cliError('cli/usage', `${flags.from}: is a ${own.purpose} key; a transaction key pays`);
  }
  const key = seedKey(own.seed);
  return withNode(context, flags, async (client) => {
    const network = await networkOf(context, client, own.name);
    const nonce = given ?? (await nextNonce(context, client, key));
    const parameters = await client.chain.parameters({ signal: context.signal });
    const transfer = { nonce, fee, until, body: { kind: 'transfer', to, amount } } as const;
    const signed = await signTransaction(transfer, { network, key, parameters });
    context.print(
      `${amount} to ${toHex(to)}, fee ${signed.fee}, nonce ${nonce}, network ${network}`,
    );
    const told = { from: key.publicKey, to, amount, fee: signed.fee, nonce, networkId: network };
    if (flags.out === undefined) return submitAndTell(context, client, { ...signed, told, flags });
    writeTransaction(flags.out, signed.bytes);
    context.print(`transaction ${toHex(signed.id)} signed, not submitted: ${flags.out}`);
    context.answer({ ...told, transaction: signed.id, file: flags.out });
    return EXIT.ok.code;
  });
}

/**
 * The network to sign for is what the node says it is on, unless the key's name says otherwise: a node that names another
 * network must not get a signature for it.
 */
async function networkOf(context: Context, client: Client, keyName: string): Promise<string> {
  const network = await client.call('net_version', {}, { signal: context.signal });
  const [, named] = /^pyralog\/([a-z][a-z0-9-]*-[0-9a-f]{16})\//.exec(keyName) ?? [];
  if (named === undefined || named === network) return network;
  throw cliError(
    'cli/wrong-network',
    `the key is for network ${named}, but the node is on ${network}: name a node of that network with --node`,
  );
}

async function nextNonce(context: Context, client: Client, key: TransactionKey): Promise<bigint> {
  return (await client.chain.account(key.publicKey, { signal: context.signal })).nextNonce;
}

function writeTransaction(path: string, bytes: Uint8Array): void {
  try {
    writeDurably(path, `${toHex(bytes)}\n`, { mode: 0o644, replace: false });
  } catch (error) {
    throw cliError('cli/file', `${path}: cannot be written (${reasonOf(error)})`, error);
  }
}
