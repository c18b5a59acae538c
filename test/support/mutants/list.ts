import type { Lie } from '../../../devnet/sim/index.ts';

/** A change of production code that a checker of the simulator must find (docs/spec/sim.md Q17). */
export interface Mutant {
  readonly name: string;
  /** The rule whose checker finds it. */
  readonly rule: string;
  readonly patches: readonly {
    readonly file: string;
    readonly find: string;
    readonly replace: string;
  }[];
  /** Without these nobody would try what the change lets through. */
  readonly lies?: readonly Lie[];
  /** Whether the chain that replays the blocks has the change too: what executes wrongly must not be told by a difference. */
  readonly everywhere?: boolean;
  /** Tried before seed 1, where that one and many after it find nothing: they cost seconds each. A stale one costs only time. */
  readonly firstSeed?: number;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a block that came by sync needs no certificate',
    rule: 'Q2',
    firstSeed: 8,
    lies: ['forged-sync'],
    patches: [
      { file: 'consensus/pos/apply.ts', find: 'if (!commit.ok) {', replace: 'if (false) {' },
    ],
  },
  {
    name: 'a decided block is kept with the certificate of the block before',
    rule: 'Q6',
    patches: [
      {
        file: 'consensus/pos/run.ts',
        find: "await this.#parts.app.commit(id, { scheme: 'pos', bytes: certificate });",
        replace:
          "await this.#parts.app.commit(id, { scheme: 'pos', bytes: this.#parts.app.head()?.evidence.bytes ?? certificate });",
      },
    ],
  },
  {
    name: 'the state root of a block is not looked at',
    rule: 'Q3',
    lies: ['invalid-block'],
    patches: [
      {
        file: 'chain/judge.ts',
        find: 'if (!equalBytes(header.state, roots.state))',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'a final block is told twice',
    rule: 'Q4',
    patches: [
      {
        file: 'chain/app.ts',
        find: 'this.#notify(candidate, ids);',
        replace: 'this.#notify(candidate, ids);\n      this.#notify(candidate, ids);',
      },
    ],
  },
  {
    name: 'a block may have another history',
    rule: 'Q5',
    lies: ['invalid-block'],
    patches: [
      {
        file: 'chain/judge.ts',
        find: 'if (!equalBytes(decoded.history, expected.history))',
        replace: 'if (false)',
      },
    ],
  },
  {
    name: 'the engine forgets its log and its protection refuses nothing',
    rule: 'Q7',
    patches: [
      {
        file: 'consensus/pos/host.ts',
        find: 'return { signing, wal, heights };',
        replace: 'return { signing, wal, heights: new Map() };',
      },
      {
        file: 'consensus/pos/protection.ts',
        find: "if (admission !== 'recorded') return admission;",
        replace: "if (admission !== 'recorded') return 'again';",
      },
    ],
  },
  {
    name: 'the disk of log and protection never syncs',
    rule: 'Q7',
    firstSeed: 5,
    patches: [{ file: 'consensus/pos/frames.ts', find: 'await this.#file.sync();', replace: '' }],
  },
  {
    name: 'the mempool forgets one transaction in five',
    rule: 'Q8',
    patches: [
      {
        file: 'chain/mempool/mempool.ts',
        find: 'this.#sweepLater();\n  }\n\n  #drop(',
        replace:
          'this.#sweepLater();\n    const last = this.#pool.get(key);\n    if (order % 5 === 4 && last !== undefined) this.#pool.remove(last);\n  }\n\n  #drop(',
      },
    ],
  },
  {
    name: 'a fee is a thousandth more for the proposer than for the payer',
    rule: 'Q9',
    everywhere: true,
    patches: [
      {
        file: 'chain/execution/working-state.ts',
        find: 'const balance = target.balance + amount;',
        replace: 'const balance = target.balance + amount + amount / 1_000n;',
      },
    ],
  },
  {
    name: 'an anchor may start anywhere and need not lead on',
    rule: 'Q10',
    patches: [
      {
        file: 'chain/execution/anchor.ts',
        find: 'if (from !== onChain) {',
        replace: 'if (false) {',
      },
      {
        file: 'chain/execution/anchor.ts',
        find: 'return !verifyConsistency(',
        replace: 'return false && !verifyConsistency(',
      },
      {
        file: 'chain/anchor-chain.ts',
        find: 'const there = await this.#anchored(checkpoint, from);',
        replace: 'const there = undefined as AnchorBlock | undefined;',
      },
    ],
  },
  {
    name: 'the proof of an anchor has the certificate of another block',
    rule: 'Q11',
    patches: [
      {
        file: 'chain/reader.ts',
        find: 'store.evidence(later),',
        replace: 'store.evidence(Math.max(1, later - 1)),',
      },
    ],
  },
  {
    name: 'nobody looks at the time of a block',
    rule: 'Q12',
    firstSeed: 10,
    lies: ['lying-clock', 'invalid-block'],
    patches: [
      {
        file: 'consensus/pos/proposals.ts',
        find: 'if (!late && time <= receivedAt + precisionMs)',
        replace: 'if (true)',
      },
    ],
  },
  {
    name: 'a node waits for blocks that a liar has promised',
    rule: 'Q13',
    lies: ['forged-sync', 'withhold'],
    patches: [
      {
        file: 'consensus/pos/sync.ts',
        find: 'if (this.#asked === undefined && !this.#applying) this.#deps.idle();',
        replace: '',
      },
    ],
  },
  {
    name: 'a message of a height that is over is held against its sender',
    rule: 'Q14',
    patches: [
      {
        file: 'consensus/pos/inbound.ts',
        find: "case 'stale':\n    case 'ahead':\n      return false;",
        replace: "case 'stale':\n    case 'ahead':\n      return true;",
      },
    ],
  },
  {
    name: 'a block shows as final before it is durable',
    rule: 'Q15',
    patches: [{ file: 'chain/ledger.ts', find: 'await this.#write;', replace: '' }],
  },
];
