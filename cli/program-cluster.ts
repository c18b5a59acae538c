import type { Command } from 'commander';
import type { Action } from './action.ts';
import type { ClusterInitFlags, ClusterMemberFlags } from './commands/cluster.ts';
import type {
  ClusterAddFlags,
  ClusterDrainFlags,
  ClusterPolicyFlags,
  ClusterReplicateFlags,
} from './commands/cluster-change.ts';
import { examples } from './examples.ts';
import type { AdminFlags } from './find-admin.ts';
import { withAdminOptions } from './program-schema.ts';

/** `cluster status|transfer|add|drain|remove|replicate|policy|member|init`. */
export function addClusterCommands(program: Command, action: Action): void {
  const cluster = program
    .command('cluster')
    .description('nodes of one organisation that keep a log together');
  cluster.addHelpText('after', examples('pyralog cluster status', 'pyralog cluster member'));
  withAdminOptions(cluster.command('status'))
    .description('who leads, which links are up, and why anything is not well')
    .addHelpText('after', examples('pyralog cluster status', 'pyralog cluster status --json'))
    .action(
      action(async (context, command) => {
        const { clusterStatus } = await import('./commands/cluster.ts');
        return clusterStatus(context, command.opts<AdminFlags>());
      }),
    );
  withAdminOptions(cluster.command('transfer'))
    .description('have a partition handed over by the node that leads it')
    .argument('<partition>', 'its number, such as 0')
    .argument('<node>', 'name of the member that is to lead')
    .addHelpText('after', examples('pyralog cluster transfer 0 node-1'))
    .action(
      action(async (context, command) => {
        const { clusterTransfer } = await import('./commands/cluster.ts');
        return clusterTransfer(context, command.args, command.opts<AdminFlags>());
      }),
    );
  addChanging(cluster, action);
  addMaking(cluster, action);
}

function addChanging(cluster: Command, action: Action): void {
  withAdminOptions(cluster.command('add'))
    .description('add a node to the cluster, and write the members file that it starts with')
    .argument('<file>', 'what `pyralog cluster member --json` printed at the new node')
    .requiredOption('--out <file>', 'members file to write for it')
    .option('--rpc <url>', 'where clients reach it')
    .option('--zone <name>', 'building or region that it stands in')
    .option('--rack <name>', 'rack within the zone')
    .option('--weight <w>', 'how much it takes beside others, 1 to 1000 (usually 100)')
    .addHelpText('after', examples('pyralog cluster add node-4.json --out members-4.json'))
    .action(
      action(async (context, command) => {
        const { clusterAdd } = await import('./commands/cluster-change.ts');
        return clusterAdd(context, command.args, command.opts<ClusterAddFlags>());
      }),
    );
  withAdminOptions(cluster.command('drain'))
    .description('have what a member keeps move to others')
    .argument('<node>', 'name of the member')
    .option('--undo', 'let it be given replicas again')
    .addHelpText('after', examples('pyralog cluster drain node-2'))
    .action(
      action(async (context, command) => {
        const { clusterDrain } = await import('./commands/cluster-change.ts');
        return clusterDrain(context, command.args, command.opts<ClusterDrainFlags>());
      }),
    );
  withAdminOptions(cluster.command('remove'))
    .description('remove a member that keeps nothing any more, for ever')
    .argument('<node>', 'name of the member')
    .addHelpText('after', examples('pyralog cluster remove node-2'))
    .action(
      action(async (context, command) => {
        const { clusterRemove } = await import('./commands/cluster-change.ts');
        return clusterRemove(context, command.args, command.opts<AdminFlags>());
      }),
    );
  withAdminOptions(cluster.command('replicate'))
    .description('how many replicas every partition is to have')
    .argument('<voters>', '1 to 7; an odd number serves best')
    .option('--faults <f>', 'replicas that may lie or be restored from a backup', '0')
    .addHelpText('after', examples('pyralog cluster replicate 5'))
    .action(
      action(async (context, command) => {
        const { clusterReplicate } = await import('./commands/cluster-change.ts');
        return clusterReplicate(context, command.args, command.opts<ClusterReplicateFlags>());
      }),
    );
  withAdminOptions(cluster.command('policy'))
    .description('what others are to pin to believe each partition, as a trust store')
    .option('--out <file>', 'write it to a file')
    .addHelpText('after', examples('pyralog cluster policy --out trust.json'))
    .action(
      action(async (context, command) => {
        const { clusterPolicies } = await import('./commands/cluster-change.ts');
        return clusterPolicies(context, command.opts<ClusterPolicyFlags>());
      }),
    );
}

function addMaking(cluster: Command, action: Action): void {
  cluster
    .command('member')
    .description(
      'what the members file is to say of this node; makes its tunnel key if it has none',
    )
    .requiredOption('--number <n>', 'its number in the cluster, 1 to 1023, never used before')
    .requiredOption('--address <host:port>', 'where it listens for the other members')
    .option('--rpc <url>', 'where clients reach its RPC, such as http://10.0.0.1:7070')
    .option('-c, --config <file>', 'configuration')
    .option('--passphrase-file <file>', 'passphrase of its keys')
    .addHelpText(
      'after',
      examples('pyralog cluster member --number 1 --address 10.0.0.1:7080 --json > node-1.json'),
    )
    .action(
      action(async (context, command) => {
        const { clusterMember } = await import('./commands/cluster.ts');
        return clusterMember(context, command.opts<ClusterMemberFlags>());
      }),
    );
  cluster
    .command('init')
    .description('a members file of what `pyralog cluster member --json` printed at each node')
    .requiredOption('--member <file...>', 'one file a member')
    .requiredOption('--out <file>', 'members file to write')
    .option(
      '--cosigners <k>',
      'signatures that make a checkpoint (default: the least there can be)',
    )
    .option('--faults <f>', 'members that may lie or be restored from a backup', '0')
    .addHelpText('after', examples('pyralog cluster init --member node-*.json --out members.json'))
    .action(
      action(async (context, command) => {
        const { clusterInit } = await import('./commands/cluster.ts');
        return clusterInit(context, command.opts<ClusterInitFlags>());
      }),
    );
}
