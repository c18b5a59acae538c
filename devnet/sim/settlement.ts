import { decodeTransaction } from '../../chain/index.ts';
import type { StoredBlock } from '../../consensus/index.ts';
import type { Machine } from './node-machine.ts';
import { Replay } from './replay.ts';
import { short } from './transcript.ts';
import type { Accepted } from './witness.ts';
import type { World } from './world.ts';

/** What is checked once a run is over: everybody is up again and nothing waits. */
export async function settle(world: World): Promise<void> {
  const { cast, clock, correct, witness } = world;
  const [tallest] = [...correct].sort((a, b) => b.height - a.height);
  if (tallest === undefined) return;
  await new Replay({ cast, clock, witness }).run(await blocksOf(tallest));
  await checkSame(world, tallest);
  for (const accepted of witness.accepted) await checkKept(world, accepted);
  checkMisbehaviour(world);
  world.cluster.checkAnchors();
  if (tallest.life !== undefined) await world.cluster.checkReceipts(tallest.life);
}

async function blocksOf(machine: Machine): Promise<StoredBlock[]> {
  const blocks: StoredBlock[] = [];
  for (let height = 1; height <= machine.height; height++) {
    const block = await machine.life?.chain.app.block(height);
    if (block !== undefined) blocks.push(block);
  }
  return blocks;
}

/** Q2, Q4: what stands in every store is what was seen to become final. */
async function checkSame({ correct, witness }: World, tallest: Machine): Promise<void> {
  for (const machine of [tallest, ...correct]) {
    for (let height = 1; height <= machine.height; height++) {
      const block = await machine.life?.chain.reader.block(height);
      const first = witness.finals.get(height);
      if (block === undefined) witness.violated('Q4', `${machine.id} lacks block ${height}`);
      else if (first !== undefined && Buffer.compare(first.id, block.id) !== 0) {
        witness.violated('Q2', `${machine.id} holds ${short(block.id)} at height ${height}`);
      }
    }
  }
}

/** Q8: the word of a node that never went down. */
async function checkKept({ correct, witness }: World, accepted: Accepted): Promise<void> {
  const where = await whereIs(correct, accepted);
  if (where === 'settled') return;
  witness.violated('Q8', `${accepted.node} took ${short(accepted.id)}, and now it ${where}`);
}

/** What became of a transaction that a node took, as that node says; `settled` when it is gone and its word with it. */
export async function whereIs(
  machines: readonly Machine[],
  { id, bytes, node, life }: Accepted,
): Promise<'settled' | 'waits' | 'is unknown'> {
  const machine = machines.find((each) => each.id === node);
  if (machine?.life === undefined || !machine.hasRun(life)) return 'settled';
  const { reader } = machine.life.chain;
  const { state } = await reader.transaction(id);
  if (state === 'final' || state === 'dropped') return 'settled';
  if (state !== 'pending') return 'is unknown';
  const decoded = decodeTransaction(bytes);
  if (!decoded.ok) return 'is unknown';
  // What stands behind a gap in its sender's nonces waits for whoever left the gap (X17).
  const { sender, nonce } = decoded.value;
  return nonce > (await reader.account(sender)).nonce ? 'settled' : 'waits';
}

/** Q7: what peers hold against a validator. */
function checkMisbehaviour({ cast, correct, machines, witness, isCorrect }: World): void {
  for (const { id, life } of correct) {
    for (const { validator, kind, first, second } of life?.engine.misbehaviour() ?? []) {
      const index = cast.voters.findIndex(
        ({ publicKey }) => Buffer.compare(publicKey, validator) === 0,
      );
      const author = machines.find((machine) => machine.id === `n${index}`);
      if (author === undefined || !isCorrect(author)) continue;
      const texts = [first, second].map((bytes) => Buffer.from(bytes).toString('hex'));
      witness.violated('Q7', `${id} holds two a ${kind} of ${author.id}: ${texts.join(' and ')}`);
    }
  }
}
