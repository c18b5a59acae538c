import { strict as assert } from 'node:assert';
import { screenOf } from '../../../cli/commands/devnet-screen.ts';
import type { MemberStatus, NodeStatus } from '../../../devnet/index.ts';

const node = (name: string, over: Partial<NodeStatus> = {}): NodeStatus => ({
  name,
  answers: true,
  records: 1_234n,
  height: 17,
  finalitySeconds: 0.25,
  peers: 3,
  mempool: 4,
  anchored: 1_000n,
  ...over,
});

const member = (over: Partial<MemberStatus> = {}): MemberStatus => ({
  leads: false,
  epoch: 3n,
  linksUp: 2,
  links: 2,
  ...over,
});

const shown = (nodes: readonly NodeStatus[]) =>
  screenOf(nodes.map((of) => ({ node: of, state: 'running', rate: 99.6 })));

describe('screen of a devnet', () => {
  it('shows role, epoch and links of the members of a cluster', () => {
    assert.deepEqual(
      shown([
        node('node-0', { cluster: member({ leads: true }) }),
        node('node-1', { cluster: member({ linksUp: 1, problem: 'node 3 is not heard of' }) }),
        node('node-2', { answers: false }),
      ]),
      [
        'node       state    role     epoch  links  receipts/s    records',
        'node-0     running  leader       3    2/2         100       1234',
        'node-1     running  follower     3    1/2         100       1234  node 3 is not heard of',
        'node-2     running   does not answer',
      ],
    );
  });

  it('shows heights, finality and what is final on a chain', () => {
    assert.deepEqual(shown([node('node-0')]), [
      'node       state     height   finality  peers  receipts/s    records      final  waiting',
      'node-0     running        17     250 ms      3         100       1234       1000        4',
    ]);
  });
});
