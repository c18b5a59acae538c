import { type Command, Option } from 'commander';
import type { Action } from './action.ts';
import type { AccountNewFlags, TransferFlags } from './commands/account.ts';
import type { WaitFlags } from './commands/transaction.ts';
import { examples } from './examples.ts';
import type { NodeFlags } from './find-node.ts';
import { withNodeOptions } from './program-files.ts';

/** `account new|balance|nonce|transfer`, `tx status|submit`, `chain head|block`, `net peers`. */
export function addChainCommands(program: Command, action: Action): void {
  addAccountGroup(program, action);
  addTransactionGroup(program, action);
  addReading(program, action);
}

function withWait(command: Command): Command {
  return command
    .addOption(
      new Option('--wait <state>', 'answer when the node has it, or when it is in a final block')
        .choices(['pending', 'final'])
        .default('pending'),
    )
    .option('--timeout <seconds>', 'longest wait for the final block', '30');
}

function addAccountGroup(program: Command, action: Action): void {
  const account = program.command('account').description('keys that own money, and what they own');
  account.addHelpText(
    'after',
    examples('pyralog account new me.json', 'pyralog account balance me.json'),
  );
  account
    .command('new')
    .description('make the key of an account')
    .argument('<file>', 'key file to write')
    .option('--name <name>', 'whose key it is', 'account')
    .option('--passphrase-file <file>', 'passphrase (else PYRALOG_PASSPHRASE)')
    .addHelpText('after', examples('pyralog account new me.json --name me'))
    .action(
      action(async (context, command) => {
        const { accountNew } = await import('./commands/account.ts');
        return accountNew(context, command.args[0] ?? '', command.opts<AccountNewFlags>());
      }),
    );
  addAccountReading(account, action);
  addTransfer(account, action);
}

function addAccountReading(account: Command, action: Action): void {
  withNodeOptions(account.command('balance'))
    .description('what an account has in the final state')
    .argument('<account>', 'public key in hex, or its key file')
    .addHelpText('after', examples('pyralog account balance me.json --json'))
    .action(
      action(async (context, command) => {
        const { accountBalance } = await import('./commands/account.ts');
        return accountBalance(context, command.args[0] ?? '', command.opts<NodeFlags>());
      }),
    );
  withNodeOptions(account.command('nonce'))
    .description('the next free nonce of an account, counting what waits at the node')
    .argument('<account>', 'public key in hex, or its key file')
    .addHelpText('after', examples('pyralog account nonce me.json'))
    .action(
      action(async (context, command) => {
        const { accountNonce } = await import('./commands/account.ts');
        return accountNonce(context, command.args[0] ?? '', command.opts<NodeFlags>());
      }),
    );
}

function addTransfer(account: Command, action: Action): void {
  withWait(withNodeOptions(account.command('transfer')))
    .description('send base units to an account or to the account of a cluster')
    .argument('<to>', 'public key in hex, or a key file')
    .argument('<amount>', 'base units, a whole number')
    .requiredOption('--from <file>', 'key file of the account that pays')
    .option('--fee <amount>', 'fee (default: the least for its length)')
    .option('--nonce <n>', 'nonce (default: the next free one)')
    .option('--until <height>', 'last height it may stand in; 0 = any', '0')
    .option('-o, --out <file>', 'write the signed transaction there and do not submit it')
    .option('--passphrase-file <file>', 'passphrase of the key (else PYRALOG_PASSPHRASE)')
    .addHelpText(
      'after',
      examples(
        'pyralog account transfer you.json 5000 --from me.json --wait final',
        'pyralog account transfer you.json 5000 --from me.json --out signed.hex',
      ),
    )
    .action(
      action(async (context, command) => {
        const { accountTransfer } = await import('./commands/account.ts');
        return accountTransfer(context, command.args, command.opts<TransferFlags>());
      }),
    );
}

function addTransactionGroup(program: Command, action: Action): void {
  const tx = program.command('tx').description('transactions: where they are, handing them in');
  tx.addHelpText('after', examples('pyralog tx submit signed.hex --wait final'));
  withWait(withNodeOptions(tx.command('status')))
    .description('whether a transaction waits, is final, or was dropped and why')
    .argument('<id>', 'transaction id in hex')
    .addHelpText('after', examples('pyralog tx status 5d0e… --wait final'))
    .action(
      action(async (context, command) => {
        const { txStatus } = await import('./commands/transaction.ts');
        return txStatus(context, command.args[0] ?? '', command.opts<NodeFlags & WaitFlags>());
      }),
    );
  withWait(withNodeOptions(tx.command('submit')))
    .description('hand in a signed transaction; the same one again does no harm')
    .argument('<file>', 'file with the transaction in hex, or - for standard input')
    .addHelpText(
      'after',
      examples('pyralog tx submit signed.hex', 'pyralog tx submit - < signed.hex'),
    )
    .action(
      action(async (context, command) => {
        const { txSubmit } = await import('./commands/transaction.ts');
        return txSubmit(context, command.args[0] ?? '', command.opts<NodeFlags & WaitFlags>());
      }),
    );
}

function addReading(program: Command, action: Action): void {
  const chain = program.command('chain').description('final blocks');
  chain.addHelpText('after', examples('pyralog chain head', 'pyralog chain block 7'));
  withNodeOptions(chain.command('head'))
    .description('the newest final block')
    .addHelpText('after', examples('pyralog chain head --json'))
    .action(
      action(async (context, command) => {
        const { chainHead } = await import('./commands/chain.ts');
        return chainHead(context, command.opts<NodeFlags>());
      }),
    );
  withNodeOptions(chain.command('block'))
    .description('a final block')
    .argument('[height]', 'height (default: the newest)')
    .addHelpText('after', examples('pyralog chain block', 'pyralog chain block 7 --json'))
    .action(
      action(async (context, command) => {
        const { chainBlock } = await import('./commands/chain.ts');
        return chainBlock(context, command.args[0], command.opts<NodeFlags>());
      }),
    );
  const net = program.command('net').description('the network of peers');
  net.addHelpText('after', examples('pyralog net peers'));
  withNodeOptions(net.command('peers'))
    .description('peers that a node is connected to')
    .addHelpText('after', examples('pyralog net peers --json'))
    .action(
      action(async (context, command) => {
        const { netPeers } = await import('./commands/chain.ts');
        return netPeers(context, command.opts<NodeFlags>());
      }),
    );
}
