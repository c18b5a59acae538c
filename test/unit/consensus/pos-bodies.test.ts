import assert from 'node:assert/strict';
import { Bodies, type Body } from '../../../consensus/pos/bodies.ts';

function bodyOf(number: number): Body {
  const id = new Uint8Array(32).fill(number);
  return { info: { id } as Body['info'], proposer: 0, bytes: Uint8Array.of(number) };
}

describe('bodies of a height (P31)', () => {
  it('lets the one that nobody proposed for longest make room', () => {
    const bodies = new Bodies();
    for (let i = 0; i < 16; i++) bodies.add(bodyOf(i));
    bodies.touch(bodyOf(0));
    bodies.add(bodyOf(16));
    assert.equal(bodies.get(bodyOf(1).info.id), undefined);
    assert.ok(bodies.get(bodyOf(0).info.id));
  });

  it('keeps what the node voted for, however many a proposer makes', () => {
    const bodies = new Bodies();
    const locked = bodyOf(200);
    bodies.add(locked);
    bodies.voted(locked.info.id);
    for (let i = 0; i < 100; i++) bodies.add(bodyOf(i));
    assert.ok(bodies.get(locked.info.id));
    assert.equal(
      Array.from({ length: 100 }, (_, i) => bodies.get(bodyOf(i).info.id)).filter(Boolean).length,
      15,
    );
  });

  it('keeps all that the log has until the replay has voted again', () => {
    const bodies = new Bodies();
    for (let i = 0; i < 40; i++) bodies.restore(bodyOf(i));
    bodies.voted(bodyOf(3).info.id);
    bodies.add(bodyOf(40));
    assert.ok(bodies.get(bodyOf(3).info.id));
    assert.equal(bodies.get(bodyOf(4).info.id), undefined);
  });

  it('forgets votes beyond the newest eight', () => {
    const bodies = new Bodies();
    for (let i = 0; i < 9; i++) {
      bodies.add(bodyOf(i));
      bodies.voted(bodyOf(i).info.id);
    }
    for (let i = 100; i < 200; i++) bodies.add(bodyOf(i));
    assert.equal(bodies.get(bodyOf(0).info.id), undefined);
    assert.ok(bodies.get(bodyOf(1).info.id));
  });
});
