import type { Command } from 'commander';
import type { Action } from './action.ts';
import type { AddValidatorFlags, GenesisNewFlags } from './commands/genesis.ts';
import type { JoinFlags } from './commands/join.ts';
import { examples } from './examples.ts';

const collect = (value: string, before: string[] = []) => [...before, value];

/** `genesis new|add-validator|add-account|finalize`, `join`. */
export function addGenesisCommands(program: Command, action: Action): void {
  const genesis = program
    .command('genesis')
    .description('make a network: draft, then genesis.json');
  genesis.addHelpText(
    'after',
    examples(
      'pyralog genesis new draft.json --network acme',
      'pyralog genesis add-validator draft.json validator/validator.json --balance 1000000000',
      'pyralog genesis finalize draft.json --out genesis.json',
    ),
  );
  addDrafting(genesis, action);
  addFinalize(genesis, action);
  addJoin(program, action);
}

function addDrafting(genesis: Command, action: Action): void {
  genesis
    .command('new')
    .description('begin a draft with the parameters of the chain')
    .argument('<draft>', 'file to write')
    .requiredOption('--network <name>', 'network name')
    .option('--block-bytes <n>', 'most bytes of a block (default: 1048576)')
    .option('--fee-base <amount>', 'fee of any transaction (default: 1000)')
    .option('--fee-per-byte <amount>', 'fee of each of its bytes (default: 10)')
    .option('--max-delay-ms <ms>', 'oldest a proposed block time may be (default: 2000)')
    .option('--precision-ms <ms>', 'how far correct clocks are apart (default: 500)')
    .addHelpText('after', examples('pyralog genesis new draft.json --network acme'))
    .action(
      action(async (context, command) => {
        const { genesisNew } = await import('./commands/genesis.ts');
        return genesisNew(context, command.args[0] ?? '', command.opts<GenesisNewFlags>());
      }),
    );
  genesis
    .command('add-validator')
    .description('add a validator, and money for its account')
    .argument('<draft>', 'draft to change')
    .argument('[file]', 'validator.json of `pyralog init --validator`')
    .option('--name <node>', 'node name')
    .option('--vote-key <hex>', 'public vote key')
    .option('--account <hex>', 'account that its fees go to')
    .option('--power <n>', 'weight of its vote', '1')
    .option('--balance <amount>', 'what its account starts with')
    .addHelpText(
      'after',
      examples(
        'pyralog genesis add-validator draft.json node-0/validator/validator.json --power 10',
      ),
    )
    .action(
      action(async (context, command) => {
        const { genesisAddValidator } = await import('./commands/genesis.ts');
        return genesisAddValidator(context, command.args, command.opts<AddValidatorFlags>());
      }),
    );
  genesis
    .command('add-account')
    .description('give an account money from the start')
    .argument('<draft>', 'draft to change')
    .argument('<account>', 'public key in hex, or its key file')
    .argument('<balance>', 'base units')
    .addHelpText('after', examples('pyralog genesis add-account draft.json me.json 1000000000'))
    .action(
      action(async (context, command) => {
        const { genesisAddAccount } = await import('./commands/genesis.ts');
        return genesisAddAccount(context, command.args);
      }),
    );
}

function addFinalize(genesis: Command, action: Action): void {
  genesis
    .command('finalize')
    .description('check and sort a draft, write genesis.json and say the network id')
    .argument('<draft>', 'draft')
    .option('-o, --out <file>', 'genesis to write', 'genesis.json')
    .addHelpText('after', examples('pyralog genesis finalize draft.json --out genesis.json'))
    .action(
      action(async (context, command) => {
        const { genesisFinalize } = await import('./commands/genesis.ts');
        return genesisFinalize(context, command.args[0] ?? '', command.opts<{ out: string }>());
      }),
    );
}

function addJoin(program: Command, action: Action): void {
  program
    .command('join')
    .description('make the node of a network that has a chain: a full node, or a validator')
    .argument('<genesis>', 'genesis.json of the network')
    .option('--dir <path>', 'directory of the node', '.')
    .option('-p, --peer <multiaddr>', 'peer to join by (repeatable)', collect)
    .option('--name <node>', "node name (default: the validator's)")
    .option('--cluster <name>', "cluster (default: the validator's, else the node name)")
    .option('--new-validator', 'the vote key never signed: make its slashing protection')
    .addHelpText(
      'after',
      examples(
        'pyralog join genesis.json --name acme-7 --peer /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW…',
        'pyralog join genesis.json --dir node-0 --new-validator --peer /dns4/a.example/tcp/4001/p2p/12D3KooW…',
      ),
    )
    .action(
      action(async (context, command) => {
        const { join } = await import('./commands/join.ts');
        return join(context, command.args[0] ?? '', command.opts<JoinFlags>());
      }),
    );
}
