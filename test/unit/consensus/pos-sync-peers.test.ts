import { strict as assert } from 'node:assert';
import type { Peer } from '../../../consensus/pos/peers.ts';
import { SyncPeers } from '../../../consensus/pos/sync-peers.ts';

function peer(id: string, head: number): Peer {
  return { id, head } as unknown as Peer;
}

describe('pos: whom to ask for blocks (P32)', () => {
  const wait = 2_000;
  const [a, b, c] = [peer('a', 100), peer('b', 1_000_000), peer('c', 100)] as const;
  const all = [a, b, c];
  let peers: SyncPeers;
  beforeEach(() => {
    peers = new SyncPeers();
    for (const [i, one] of all.entries()) peers.connected(one, i);
  });
  const next = (now: number) => peers.next(all, 10, now);

  it('asks in the order of coming, whatever they claim', () => {
    assert.equal(next(10), a);
    peers.failed(a, 10, wait);
    assert.equal(next(11), b);
    peers.failed(b, 11, wait);
    assert.equal(next(12), c);
    peers.failed(c, 12, wait);
    assert.equal(next(13), undefined);
    // Whoever failed waits at the end of the line, and twice as long when it fails again.
    assert.equal(next(2_010), a);
    peers.failed(a, 2_010, wait);
    assert.equal(next(2_011), b);
    assert.equal(next(6_009), b);
  });

  it('asks nobody who is not ahead', () => {
    assert.equal(peers.next([a, c], 100, 10), undefined);
  });

  it('stays with the fastest, and tries another at every fourth request', () => {
    peers.delivered(b, 1, 1_500);
    peers.delivered(c, 64, 100);
    assert.deepEqual(
      [1, 2, 3, 4].map(() => next(20)),
      [c, c, c, a],
    );
    peers.delivered(c, 1, 4_000);
    peers.delivered(a, 64, 6_400);
    assert.equal(next(20), a);
  });

  it('gives no stranger who comes anew the turn of one that came before', () => {
    peers.failed(a, 10, wait);
    peers.failed(c, 10, wait);
    peers.forget(b);
    peers.connected(b, 2_500);
    assert.equal(next(2_600), a);
    peers.failed(a, 2_600, wait);
    assert.equal(next(2_600), c);
  });

  it('knows nothing of one that has gone', () => {
    peers.delivered(b, 64, 1);
    peers.forget(b);
    peers.failed(b, 20, wait);
    peers.delivered(b, 64, 1);
    assert.notEqual(next(20), b);
  });
});
