/** The load generator of `consensus`: a process of its own, so that its processor time is none of the nodes'. */
import { toHex } from '../../base/bytes.ts';
import { signTransaction } from '../../client/index.ts';
import { BenchError } from '../errors.ts';
import { costOf, fastKey, Lane, laneSeed, type Network } from './lane.ts';
import { Link } from './link.ts';
import { runReceipts } from './receipts.ts';
import { runLoop, runRate } from './runs.ts';
import type { Command, LoadResult, OpenCommand, Reply } from './types.ts';

/** An account may send so many in its life. */
const LIFETIME = 6_000;

let links: Link[] = [];
let lanes: Lane[] = [];

async function obey(command: Command): Promise<LoadResult | null> {
  switch (command.kind) {
    case 'open':
      await open(command);
      return null;
    case 'sign':
      for (const lane of lanes) await lane.sign(Math.ceil(command.transactions / lanes.length));
      return null;
    case 'rate': {
      const used = links.slice(command.firstNode);
      return runRate(
        lanes.filter(({ link }) => used.includes(link)),
        command,
      );
    }
    case 'loop':
      return runLoop(lanes, command);
    case 'receipts':
      return runReceipts(links, command);
  }
}

async function open(command: OpenCommand): Promise<void> {
  links = await Promise.all(command.nodes.map((node) => Link.open(node)));
  for (const link of links)
    link.onFailure = (error) => {
      reply({ ok: false, message: error.message });
      process.exit(1);
    };
  const [first] = links;
  if (first === undefined) throw new BenchError('bench/child-failed', 'no node to load');
  const said = await first.need('chain_parameters', {});
  const network: Network = { network: command.networkId, parameters: parametersOf(said) };
  lanes = Array.from({ length: command.lanes }, (_, i) => {
    const link = links[i % links.length] ?? first;
    return new Lane(laneSeed(command.networkId, i), link, network);
  });
  await Promise.all(
    command.funds.map(async (seed, i) => {
      const mine = lanes.filter((_, lane) => lane % command.funds.length === i);
      await fund(first, { seed: Buffer.from(seed, 'hex'), mine, network });
    }),
  );
}

function parametersOf(said: Readonly<Record<string, unknown>>): Network['parameters'] {
  return {
    feeBase: BigInt(String(said['feeBase'])),
    feePerByte: BigInt(String(said['feePerByte'])),
  };
}

/** Resolves when the last of them has its money; nonces are in order, so all have. */
async function fund(
  link: Link,
  { seed, mine, network }: { seed: Uint8Array; mine: readonly Lane[]; network: Network },
): Promise<void> {
  const key = fastKey(seed);
  const { nextNonce } = await link.need('chain_account', { key: toHex(key.publicKey) });
  let nonce = BigInt(String(nextNonce));
  const waits: Promise<unknown>[] = [];
  for (const lane of mine) {
    const to = lane.key.publicKey;
    const body = { kind: 'transfer', to, amount: costOf(LIFETIME) } as const;
    const transfer = { nonce: nonce++, fee: 'least', until: 0, body } as const;
    const { bytes } = await signTransaction(transfer, { key, ...network });
    const params = { transaction: toHex(bytes), waitFor: 'final', timeoutMs: 60_000 };
    waits.push(link.need('chain_submitTransaction', params));
  }
  await Promise.all(waits);
}

function reply(answer: Reply): void {
  if (process.connected) process.send?.(answer);
}

process.on('message', (command: Command) => {
  obey(command).then(
    (result) => reply({ ok: true, result }),
    (error: unknown) =>
      reply({ ok: false, message: error instanceof Error ? error.message : String(error) }),
  );
});
// Ctrl-C reaches the whole group; the parent stops us in its own order.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
