import type { Command } from 'commander';
import type { Action } from './action.ts';
import type { DevnetFlags, DevnetWaitFlags } from './commands/devnet.ts';
import type { SimFlags } from './commands/sim.ts';
import { examples } from './examples.ts';

const collect = (value: string, before: string[] = []) => [...before, value];

const withDir = (command: Command) =>
  command.option('--dir <path>', 'where its files are', '.pyralog');

/** `devnet up|down|status|wait|fault|dump|load`. */
export function addDevnetGroup(program: Command, action: Action): void {
  const devnet = program.command('devnet').description('a network on this machine (default: up)');
  devnet.addHelpText(
    'after',
    [
      '',
      'Options of `up`, the default: --validators, --block-time, --fresh, --port, --set, --dir, --json (see `pyralog devnet up --help`)',
      examples(
        'pyralog devnet',
        'pyralog devnet --fresh --validators 7',
        'pyralog devnet fault kill node-2',
        'pyralog devnet down',
      ),
    ].join('\n'),
  );
  addUp(devnet, action);
  addReading(devnet, action);
  addFaults(devnet, action);
}

function addUp(devnet: Command, action: Action): void {
  withDir(devnet.command('up', { isDefault: true }))
    .description('start it and show its state until Ctrl-C')
    .option('--fresh', 'wipe its data first: a new network with a new id')
    .option(
      '--cluster <n>',
      'nodes of one organisation that keep the log together, without a chain',
    )
    .option('--validators <n>', 'number of nodes, all of them validators (default: 4)')
    .option('--block-time <ms>', 'least time between blocks (default: 200)')
    .option('-p, --port <number>', 'RPC port of node-0 (default: 7070 if free)')
    .option('-s, --set <name=value>', 'a setting of its nodes (repeatable)', collect)
    .addHelpText('after', examples('pyralog devnet', 'pyralog devnet up --fresh --port 0'))
    .action(
      action(async (context, command) => {
        const { devnetUp } = await import('./commands/devnet.ts');
        return devnetUp(context, command.opts<DevnetFlags>());
      }),
    );
  withDir(devnet.command('down'))
    .description('stop the one that runs here')
    .addHelpText('after', examples('pyralog devnet down'))
    .action(
      action(async (context, command) => {
        const { devnetDown } = await import('./commands/devnet.ts');
        return devnetDown(context, command.opts<DevnetFlags>());
      }),
    );
}

function addReading(devnet: Command, action: Action): void {
  withDir(devnet.command('status'))
    .description('whether one runs here: height, finality, peers and records of each node')
    .addHelpText('after', examples('pyralog devnet status --json'))
    .action(
      action(async (context, command) => {
        const { devnetStatus } = await import('./commands/devnet.ts');
        return devnetStatus(context, command.opts<DevnetFlags>());
      }),
    );
  withDir(devnet.command('wait'))
    .description('wait until every node answers and has reached a height')
    .option('--height <n>', 'height (default: 1)')
    .option('--timeout <seconds>', 'give up after', '60')
    .addHelpText('after', examples('pyralog devnet wait --height 10'))
    .action(
      action(async (context, command) => {
        const { devnetWait } = await import('./commands/devnet.ts');
        return devnetWait(context, command.opts<DevnetWaitFlags>());
      }),
    );
}

function addFaults(devnet: Command, action: Action): void {
  withDir(devnet.command('fault'))
    .description('make nodes fail on purpose, or repair them')
    .argument('<kind>', 'kill, restart, pause, resume, partition, heal, delay MS, drop PROBABILITY')
    .argument('[args...]', 'nodes, such as node-1 node-2; for delay and drop the value first')
    .addHelpText(
      'after',
      examples(
        'pyralog devnet fault kill node-3',
        'pyralog devnet fault restart node-3',
        'pyralog devnet fault partition node-0 node-1',
        'pyralog devnet fault delay 100 node-2',
        'pyralog devnet fault drop 0.1 node-2',
        'pyralog devnet fault heal',
      ),
    )
    .action(
      action(async (context, command) => {
        const { devnetFault } = await import('./commands/devnet.ts');
        return devnetFault(context, command.args, command.opts<DevnetFlags>());
      }),
    );
  withDir(devnet.command('dump'))
    .description('copy the data of all nodes, of one moment, to a new directory')
    .argument('<dir>', 'directory to write')
    .addHelpText('after', examples('pyralog devnet dump before-the-change'))
    .action(
      action(async (context, command) => {
        const { devnetDump } = await import('./commands/devnet.ts');
        return devnetDump(context, command.args[0] ?? '', command.opts<DevnetFlags>());
      }),
    );
  withDir(devnet.command('load'))
    .description('put a dump where the next `devnet` starts from')
    .argument('<dir>', 'directory that `dump` wrote')
    .addHelpText('after', examples('pyralog devnet load before-the-change --dir again'))
    .action(
      action(async (context, command) => {
        const { devnetLoad } = await import('./commands/devnet.ts');
        return devnetLoad(context, command.args[0] ?? '', command.opts<DevnetFlags>());
      }),
    );
}

/** `sim`: networks that exist only in this process. */
export function addSimCommand(program: Command, action: Action): void {
  program
    .command('sim')
    .description(
      'simulate networks under faults on virtual time; a seed gives the same run anywhere',
    )
    .option('--seed <n>', 'the (first) seed', '1')
    .option('--nodes <n>', 'validators (default: 4 to 7, by the seed)')
    .option('--runs <n>', 'how many seeds, one after the other', '1')
    .option('--workers <n>', 'threads (default: one a processor)')
    .addHelpText('after', examples('pyralog sim --seed 7', 'pyralog sim --runs 5000'))
    .action(
      action(async (context, command) => {
        const { sim } = await import('./commands/sim.ts');
        return sim(context, command.opts<SimFlags>());
      }),
    );
}
