import assert from 'node:assert/strict';
import { bearsToken, Guard } from '../../../rpc/guard.ts';
import { isLoopback, RateLimiter, rateKey } from '../../../rpc/rate.ts';

describe('the guard (R5, R7)', () => {
  it('takes the listen address as a host, IPv6 in brackets', () => {
    const six = new Guard('2001:db8::1', [], []);
    assert.equal(six.fault({ host: '[2001:db8::1]:8650' }), undefined);
    assert.ok(six.fault({ host: '2001:db8::1' }));
    const four = new Guard('192.0.2.7', [], []);
    assert.equal(four.fault({ host: '192.0.2.7' }), undefined);
    assert.ok(four.fault({ host: '192.0.2.8' }));
    assert.ok(four.fault({}));
  });

  it('never lets all origins in', () => {
    const guard = new Guard('127.0.0.1', [], ['*']);
    assert.ok(guard.fault({ host: 'localhost', origin: 'https://evil.example' }));
  });

  it('compares whole tokens', () => {
    assert.equal(bearsToken('Bearer secret', 'secret'), true);
    assert.equal(bearsToken('bearer  secret', 'secret'), true);
    for (const given of [
      undefined,
      '',
      'secret',
      'Bearer secre',
      'Bearer secrets',
      'Bearer se cret',
    ]) {
      assert.equal(bearsToken(given, 'secret'), false, given);
    }
  });
});

describe('the rate limit (R4)', () => {
  it('allows a second’s worth at once, then at its pace, each address for itself', () => {
    let now = 0;
    const rate = new RateLimiter(8, () => now);
    for (let i = 0; i < 8; i++) assert.equal(rate.take('a'), 0);
    assert.equal(rate.take('a'), 125);
    assert.equal(rate.take('b'), 0);
    now = 62.5;
    assert.equal(rate.take('a'), 63);
    now = 125;
    assert.equal(rate.take('a'), 0);
    now = 60_000;
    for (let i = 0; i < 8; i++) assert.equal(rate.take('a'), 0);
    assert.ok(rate.take('a') > 0);
  });

  it('forgets addresses that are quiet', () => {
    let now = 0;
    const rate = new RateLimiter(1, () => now);
    for (let i = 0; i < 10_000; i++) {
      now += 1;
      rate.take(`address ${i}`);
    }
    assert.ok(rate.size <= 5_000, `${rate.size} remembered`);
  });

  it('counts an IPv6 client by its /64, and IPv4 in IPv6 as IPv4', () => {
    assert.equal(rateKey('192.0.2.1'), '192.0.2.1');
    assert.equal(rateKey('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(rateKey('2001:db8:1:2::9'), rateKey('2001:db8:1:2:3:4:5:6'));
    assert.notEqual(rateKey('2001:db8:1:2::9'), rateKey('2001:db8:1:3::9'));
    assert.equal(rateKey('::1'), '0:0:0:0');
    assert.equal(rateKey('fe80::1%eth0'), 'fe80:0:0:0');
  });

  it('knows loopback', () => {
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) {
      assert.equal(isLoopback(address), true, address);
    }
    assert.equal(isLoopback('192.0.2.1'), false);
  });
});
