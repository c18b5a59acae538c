import { toHex } from '../../base/bytes.ts';
import { countArgument } from '../chain-arguments.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type NodeFlags, withNode } from '../find-node.ts';
import { timeText } from '../visible.ts';

/** `pyralog chain head`. */
export async function chainHead(context: Context, flags: NodeFlags): Promise<ExitCode> {
  return withNode(context, flags, async (client) => {
    const head = await client.chain.head({ signal: context.signal });
    if (head === undefined) context.print('no block yet');
    else context.print(`block ${head.height} ${toHex(head.id)} at ${timeText(head.time)}`);
    context.answer(
      head === undefined
        ? { height: '0' }
        : { height: `${head.height}`, id: toHex(head.id), time: `${head.time}` },
    );
    return EXIT.ok.code;
  });
}

/** `pyralog chain block [HEIGHT]`: the newest without. */
export async function chainBlock(
  context: Context,
  text: string | undefined,
  flags: NodeFlags,
): Promise<ExitCode> {
  const height = text === undefined ? undefined : countArgument(text, 'the height');
  return withNode(context, flags, async (client) => {
    const { id, header, headerBytes, certificate, transactions } = await client.chain.block(
      height,
      { signal: context.signal },
    );
    context.print(`block ${header.height} ${toHex(id)}`);
    context.print(`  time ${timeText(header.time)}, proposed by validator ${header.proposer}`);
    context.print(`  state ${toHex(header.state)}, anchors ${toHex(header.anchors)}`);
    context.print(
      `  ${transactions.length} transactions, certificate of ${certificate.length} bytes`,
    );
    context.answer({
      id: toHex(id),
      height: `${header.height}`,
      time: `${header.time}`,
      proposer: header.proposer,
      state: header.state,
      anchors: header.anchors,
      header: headerBytes,
      certificate,
      transactions,
    });
    return EXIT.ok.code;
  });
}

/** `pyralog net peers`. */
export async function netPeers(context: Context, flags: NodeFlags): Promise<ExitCode> {
  return withNode(context, flags, async (client) => {
    const { peers } = await client.call('net_peers', {}, { signal: context.signal });
    if (peers.length === 0) context.print('no peers');
    for (const { id, name, address, inbound, height, score, roundTripMs } of peers) {
      const way = inbound ? 'from' : 'to';
      const far = roundTripMs === undefined ? '' : `, ${roundTripMs.toFixed(1)} ms`;
      const who = name === undefined ? id : `${name} ${id}`;
      context.print(`${who} ${way} ${address}, height ${height ?? '?'}, score ${score}${far}`);
    }
    context.answer({ peers });
    return EXIT.ok.code;
  });
}
