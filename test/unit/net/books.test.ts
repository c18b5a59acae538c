import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { type LogFields, type Logger, silentLogger } from '../../../base/log.ts';
import { SimClock } from '../../../devnet/sim/clock.ts';
import { formatPeerBook, loadPeerBook, PeerBook, parsePeerBook } from '../../../net/peer-book.ts';
import { BAN_SCORE, ScoreBook } from '../../../net/score-book.ts';
import { turns } from '../../support/until.ts';
import { pass } from './support.ts';

describe('score book (G12)', () => {
  it('adds faults up, forgets half in ten minutes, and bans at −100 for a while', async () => {
    const clock = new SimClock();
    const book = new ScoreBook(clock, 60_000);
    assert.equal(book.report('p', 'malformed'), false);
    assert.equal(book.score('p'), -60);
    await pass(clock, 600_000);
    assert.equal(book.score('p'), -30);
    assert.equal(book.report('p', 'malformed'), false);
    assert.equal(book.report('p', 'malformed'), true);
    assert.deepEqual(
      [book.isBanned('p'), book.score('p'), book.bannedCount()],
      [true, BAN_SCORE, 1],
    );
    assert.equal(book.report('p', 'malformed'), false, 'banned once, not anew');
    await pass(clock, 60_000);
    assert.deepEqual([book.isBanned('p'), book.score('p'), book.bannedCount()], [false, -50, 0]);
    assert.equal(book.report('p', 'malformed'), true, 'the next ban comes sooner');
  });

  it('never bans who is only away', () => {
    const clock = new SimClock();
    const book = new ScoreBook(clock, 60_000);
    // Redials every five seconds, each of them in vain, for a day.
    for (let i = 0; i < 17_280; i++) {
      clock.jumpWall(20_000);
      assert.equal(book.report('p', 'unresponsive'), false);
    }
  });

  it('keeps bans over restarts, and its size', () => {
    const clock = new SimClock();
    const book = new ScoreBook(clock, 60_000);
    book.report('p', 'wrong-network');
    assert.ok(new ScoreBook(clock, 60_000, book.entries()).isBanned('p'));
    for (let i = 0; i < 10_000; i++) book.report(`q${i}`, 'invalid');
    assert.ok(book.entries().length <= 4_096);
  });
});

describe('peer book (G13)', () => {
  function memoryStore(text?: string) {
    const store = {
      text,
      saves: 0,
      load: async () => store.text,
      save: async (next: string) => {
        store.text = next;
        store.saves++;
      },
    };
    return store;
  }

  function warnings(): { log: Logger; seen: string[] } {
    const seen: string[] = [];
    return { seen, log: { ...silentLogger, warn: (_: LogFields, m: string) => seen.push(m) } };
  }

  it('is there again after a restart', async () => {
    const clock = new SimClock();
    const store = memoryStore();
    const score = { id: 'q', score: -100, at: 5, bannedUntil: 9 };
    const deps = { clock, store, log: silentLogger, scores: () => [score] };
    const book = new PeerBook(deps, []);
    book.remember('p', '/ip4/127.0.0.1/tcp/1/p2p/p');
    book.remember('r', '/ip4/127.0.0.1/tcp/2/p2p/r');
    assert.equal(store.saves, 0);
    await pass(clock, 5_000);
    assert.equal(store.saves, 1, 'changes go together');
    await book.close();
    const loaded = await loadPeerBook(store, silentLogger);
    assert.deepEqual([loaded.peers.map((peer) => peer.id), loaded.scores], [['p', 'r'], [score]]);
  });

  it('keeps the newest 256', () => {
    const clock = new SimClock();
    const deps = { clock, store: undefined, log: silentLogger, scores: () => [] };
    const book = new PeerBook(deps, []);
    for (let i = 0; i < 300; i++) book.remember(`p${i}`, '/a');
    assert.deepEqual([book.peers().length, book.peers()[0]?.id], [256, 'p44']);
  });

  it('that is damaged is ignored with a warning', async () => {
    const good = formatPeerBook({ peers: [{ id: 'p', address: '/a', lastSeen: 1 }], scores: [] });
    assert.ok(parsePeerBook(good));
    for (const text of [
      '',
      '{',
      '[]',
      good.slice(0, -4),
      good.replace('1', '2'),
      good.replace('"/a"', '7'),
    ]) {
      const { log, seen } = warnings();
      assert.deepEqual(await loadPeerBook(memoryStore(text), log), { peers: [], scores: [] });
      assert.equal(seen.length, 1, text);
    }
    const { log, seen } = warnings();
    const broken = { ...memoryStore(), load: () => Promise.reject(new Error('EIO')) };
    assert.deepEqual(await loadPeerBook(broken, log), { peers: [], scores: [] });
    assert.equal(seen.length, 1);
    fc.assert(fc.property(fc.json(), (text) => void parsePeerBook(text)));
  });

  it('that cannot be written costs a warning', async () => {
    const { log, seen } = warnings();
    const store = { ...memoryStore(), save: () => Promise.reject(new Error('ENOSPC')) };
    const book = new PeerBook({ clock: new SimClock(), store, log, scores: () => [] }, []);
    await book.close();
    await turns(1);
    assert.equal(seen.length, 1);
  });
});
