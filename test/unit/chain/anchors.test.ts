import { strict as assert } from 'node:assert';
import { clusterAccount, type TransactionBody } from '../../../chain/index.ts';
import { inclusionPath, rootOf } from '../../../receipt/index.ts';
import {
  accountOf,
  CLUSTER,
  NETWORK,
  noteOf,
  ORIGIN,
  registration,
  replicaOf,
} from '../../support/chain.ts';
import {
  anchorOf,
  BLAKE3,
  hex,
  leaves,
  Machine,
  type NoteChanges,
  path,
  RECORDS,
  RICH,
  root,
  SHA256,
  transferOf,
} from '../../support/chain-machine.ts';

describe('execution on logs', () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine();
  });

  describe('anchors (X7)', () => {
    beforeEach(() => machine.applies({ body: registration() }));

    it('go on from the last one, paid by the cluster', async () => {
      const first = await machine.applies({ from: 1, fee: 30_000n, body: anchorOf(0, 3) });
      assert.equal(machine.balance(clusterAccount(CLUSTER)), 50_000_000n - 30_000n);
      assert.equal(machine.balance(accountOf(1)), RICH);
      const ids = [0, 1].map((i) => replicaOf(i).key.keyId).sort();
      assert.deepEqual(first.anchor?.keyIds.map(hex), ids);
      assert.equal(first.anchor?.size, 3);
      await machine.applies({ from: 1, body: anchorOf(3, 8) });
      const log = machine.state.log(ORIGIN);
      assert.deepEqual([log?.size, log?.height, log?.cutOffAt], [8, 7, undefined]);
      assert.deepEqual(log?.roots, [{ alg: 'blake3', root: root(8) }]);
    });

    it('carry a SHA-256 root, from the start or later, and then always', async () => {
      const sha = (size: number) => ({ sha256Root: root(size, SHA256) });
      await machine.applies({ from: 1, body: anchorOf(0, 2) });
      const later = anchorOf(2, 4, sha(4));
      assert.ok(later.kind === 'anchor' && later.paths[0] !== undefined);
      const begun = { ...later, paths: [later.paths[0], []] };
      await machine.refuses({ from: 1, body: later }, 'chain/refused', /sha256 path/);
      await machine.applies({ from: 1, body: begun });
      await machine.refuses({ from: 1, body: anchorOf(4, 5) }, 'chain/refused', /SHA-256 root/);
      await machine.applies({ from: 1, body: anchorOf(4, 9, sha(9)) });
      assert.equal(machine.state.log(ORIGIN)?.roots.length, 2);
    });

    it('are refused when a rule is broken', async () => {
      await machine.applies({ from: 1, body: anchorOf(0, 3) });
      const good = anchorOf(3, 8);
      assert.ok(good.kind === 'anchor');
      const other = ORIGIN.replace(NETWORK, 'devnet-0011223344556677');
      const cases: [TransactionBody, RegExp][] = [
        [{ ...good, note: 'no note' }, /LF/],
        [anchorOf(3, 8, { origin: other }), /another network/],
        [anchorOf(3, 8, { origin: ORIGIN.replace(CLUSTER, 'nobody') }), /not registered/],
        [anchorOf(0, 8), /stands at size 3/],
        [anchorOf(4, 8), /stands at size 3/],
        [anchorOf(3, 3), /not above/],
        [{ ...good, paths: [] }, /0 paths for 1/],
        [{ ...good, paths: [[], []] }, /2 paths for 1/],
        [{ ...good, paths: [path(2, 8)] }, /does not lead/],
        [anchorOf(3, 8, { root: root(9) }), /does not lead/],
        [anchorOf(3, 8, { signers: [0] }), /1 keys .* 2 are needed/],
        [anchorOf(3, 8, { signers: [0, 0] }), /1 keys/],
        [anchorOf(3, 8, { signers: [0, 9] }), /1 keys/],
        [{ ...good, note: good.note.replace('time 17', 'time 18') }, /does not verify/],
      ];
      for (const [body, reason] of cases) {
        const refused = await machine.refuses({ from: 1, body }, 'chain/refused', reason);
        assert.deepEqual(refused.data, { rule: 'X7' });
      }
      await machine.refuses({ from: 2, body: good }, 'chain/refused', /not a submitter/);
      await machine.applies({ from: 1, body: good });
    });

    it('with one false line are refused, however many others are true (C4)', async () => {
      const three = noteOf({ size: 3, root: root(3), signers: [0, 1, 2] });
      const lines = three.split('\n');
      const last = lines.at(-2) ?? assert.fail();
      const forged = three.replace(
        last,
        `${last.slice(0, -6)}${last.slice(-6) === 'AAAA==' ? 'BBBB==' : 'AAAA=='}`,
      );
      assert.notEqual(forged, three);
      const body = { kind: 'anchor', note: forged, from: 0, paths: [[]] } as const;
      await machine.refuses({ from: 1, body }, 'chain/refused', /does not verify/);
      const short = three.replace(last, last.slice(0, 90));
      const cut = { ...body, note: short };
      await machine.refuses({ from: 1, body: cut }, 'chain/refused', /does not verify/);
      await machine.applies({ from: 1, body: { ...body, note: three } });
    });

    it('wait for money in the cluster account (X3)', async () => {
      const fee = 50_000_001n;
      const poor = { from: 1, fee, body: anchorOf(0, 3) };
      await machine.refuses(poor, 'chain/insufficient-balance', /50000000 /);
      await machine.applies({ body: transferOf(1n, clusterAccount(CLUSTER)) });
      await machine.applies(poor);
      assert.equal(machine.balance(clusterAccount(CLUSTER)), 0n);
    });
  });

  describe('evidence (X9)', () => {
    beforeEach(() => machine.applies({ body: registration() }));
    const from = 5;
    const note = (size: number, changes: NoteChanges = {}) =>
      noteOf({ size, root: root(size), ...changes });
    const lie = (size: number) => note(size, { root: root(size + 1) });
    const pair = (a: string, b: string) => ({ kind: 'evidence', notes: [a, b] }) as const;

    it('of two roots at one size cuts the log off, for good', async () => {
      await machine.applies({ from: 1, body: anchorOf(0, 3) });
      await machine.applies({ from, body: pair(note(5), lie(5)) });
      const log = machine.state.log(ORIGIN);
      assert.deepEqual([log?.size, log?.height, log?.cutOffAt], [3, 7, 7]);
      await machine.refuses({ from: 1, body: anchorOf(3, 8) }, 'chain/refused', /cut off/);
      const again = { from, body: pair(note(6), lie(6)) };
      await machine.refuses(again, 'chain/refused', /cut off already/);
    });

    it('counts against a log that was never anchored, and other logs go on', async () => {
      const origin = `${ORIGIN.slice(0, -1)}1`;
      await machine.applies({
        from,
        body: pair(note(5, { origin }), note(5, { origin, root: root(6) })),
      });
      assert.deepEqual(machine.state.log(origin), {
        origin,
        size: 0,
        roots: [],
        height: 0,
        cutOffAt: 7,
      });
      await machine.applies({ from: 1, body: anchorOf(0, 3) });
    });

    it('counts for the SHA-256 roots too', async () => {
      const a = note(5, { sha256Root: root(5, SHA256) });
      const b = note(5, { sha256Root: root(6, SHA256) });
      await machine.applies({ from, body: pair(a, b) });
    });

    it('is refused for anything less, so that nobody is cut off by a forgery', async () => {
      const origin = `${ORIGIN.slice(0, -1)}1`;
      const sha = note(5, { sha256Root: root(5, SHA256) });
      const unknown = ORIGIN.replace(CLUSTER, 'nobody');
      const cases: [readonly [string, string], RegExp][] = [
        [[note(5), note(5)], /roots are equal/],
        [[note(5), note(5, { signers: [1, 2] })], /roots are equal/],
        [[note(5), sha], /roots are equal/],
        [[note(5), note(6)], /sizes are 5 and 6/],
        [[note(5), note(5, { origin, root: root(6) })], /two logs/],
        [[note(5), lie(5).replace('time 17', 'time 18')], /does not verify/],
        [[note(5), note(5, { root: root(6), signers: [2] })], /2 are needed/],
        [
          [note(5, { origin: unknown }), note(5, { origin: unknown, root: root(6) })],
          /not registered/,
        ],
        [['', ''], /./],
      ];
      for (const [notes, reason] of cases) {
        const refused = await machine.refuses(
          { from, body: pair(...notes) },
          'chain/refused',
          reason,
        );
        assert.deepEqual(refused.data, { rule: 'X9' });
      }
      assert.equal(machine.state.log(ORIGIN), undefined);
    });

    it('of two leaves at one index counts, and only when both are proved', async () => {
      const [first, second] = [RECORDS[2], RECORDS[3]];
      assert.ok(first && second);
      // A second history of seven records, which differs in record 2.
      const forked = RECORDS.slice(0, 7).map((bytes, i) => BLAKE3.leaf(i === 2 ? second : bytes));
      const notes = [note(5), note(7, { root: rootOf(BLAKE3, forked) })] as const;
      const paths = [
        inclusionPath(BLAKE3, leaves(BLAKE3, 5), 2),
        inclusionPath(BLAKE3, forked, 2),
      ] as const;
      const records = [first, second] as const;
      const body = { kind: 'evidence', notes, leaves: { index: 2, records, paths } } as const;
      const wrong: [TransactionBody, RegExp][] = [
        [{ ...body, leaves: { ...body.leaves, index: 3 } }, /does not stand at index 3/],
        [{ ...body, leaves: { ...body.leaves, records: [first, first] } }, /leaves are the same/],
        [{ ...body, leaves: { ...body.leaves, paths: [paths[1], paths[0]] } }, /does not stand/],
        [{ ...body, leaves: { ...body.leaves, records: [second, first] } }, /does not stand/],
      ];
      for (const [broken, reason] of wrong) {
        await machine.refuses({ from, body: broken }, 'chain/refused', reason);
      }
      await machine.applies({ from, body });
      assert.equal(machine.state.log(ORIGIN)?.cutOffAt, 7);
    });
  });
});
