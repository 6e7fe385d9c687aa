import * as fc from 'fast-check';
import { HandshakeRate, networkOf } from '../../lib/server/handshake/handshake-rate.js';

describe('19.1 a rate of handshakes', () => {
  it('lets in as many as it may in a window, and tells when to come again', () => {
    const rate = new HandshakeRate({ limit: 3, window: 1000, by: 'address' });
    expect([0, 1, 2].map((now) => rate.take('a', now))).toEqual([0, 0, 0]);
    expect(rate.take('a', 3)).toBeCloseTo(1330.3, 0);
    // A third of the window before still counts for two thirds.
    expect(rate.take('a', 1000)).toBeGreaterThan(0);
    expect(rate.take('a', 1334)).toBe(0);
    expect(rate.take('a', 1335)).toBeGreaterThan(0);
    expect([5000, 5001, 5002].map((now) => rate.take('a', now))).toEqual([0, 0, 0]);
  });

  it('of a server no window has more than the limit, wherever it begins', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 10, max: 1000 }),
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 500 }),
        (limit, window, steps) => {
          const rate = new HandshakeRate({ limit, window, by: 'server' });
          let now = 0;
          const taken: number[] = [];
          for (const step of steps) if (rate.take('', (now += step)) === 0) taken.push(now);
          return taken.every(
            (from) => taken.filter((at) => at >= from && at < from + window).length <= limit,
          );
        },
      ),
    );
  });

  it('tells those who are refused to come at different times', () => {
    const rate = new HandshakeRate({ limit: 10, window: 1000, by: 'server' });
    const waits = Array.from({ length: 110 }, () => rate.take('a', 5)).filter((wait) => wait > 0);
    expect(waits).toHaveLength(100);
    expect(waits[0]).toBeCloseTo(1000);
    expect(waits.at(-1)).toBeCloseTo(10_900);
    expect(new Set(waits).size).toBe(100);
  });

  it('tells the truth: who comes when it was told to, and is alone, is let in', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 10, max: 1000 }),
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom('server', 'address'),
        (limit, window, steps, by) => {
          const rate = new HandshakeRate({ limit, window, by });
          let now = 0;
          for (const step of steps) {
            const wait = rate.take('', (now += step));
            if (wait > 0) return rate.take('', now + wait + 1e-6) === 0;
          }
          return true;
        },
      ),
    );
  });

  it('counts each address by itself, and IPv6 by networks', () => {
    const rate = new HandshakeRate({ limit: 1, window: 1000, by: 'address' });
    expect(rate.take('10.0.0.1', 1)).toBe(0);
    expect(rate.take('10.0.0.2', 1)).toBe(0);
    expect(rate.take('10.0.0.1', 1)).toBeGreaterThan(0);
    expect(rate.take('2001:db8::1', 1)).toBe(0);
    expect(rate.take('2001:db8:0:0:ffff::2', 1)).toBeGreaterThan(0);
    expect(rate.take('2001:db8:0:1::1', 1)).toBe(0);
  });

  it('lets nobody in more often than twice the limit in any window, and on average not more than the limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 10, max: 1000 }),
        fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 500 }),
        (limit, window, steps) => {
          const rate = new HandshakeRate({ limit, window, by: 'address' });
          let now = 0;
          const taken: number[] = [];
          for (const step of steps) if (rate.take('a', (now += step)) === 0) taken.push(now);
          for (const from of taken) {
            const within = taken.filter((at) => at >= from && at < from + window).length;
            if (within > 2 * limit) return false;
          }
          return taken.length <= limit * (Math.floor(now / window) + 1);
        },
      ),
    );
  });

  it('remembers no more addresses than it may, whoever comes', () => {
    const rate = new HandshakeRate({ limit: 5, window: 60_000, by: 'address' });
    for (let index = 0; index < 100_000; index++)
      rate.take(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, 1);
    // Those beyond share one count, so that they are not remembered one by one.
    const beyond = Array.from({ length: 10 }, (_, index) => rate.take(`11.0.0.${index}`, 1));
    expect(beyond.filter((wait) => wait === 0)).toHaveLength(5);
    expect(rate.take('10.0.0.1', 1)).toBe(0);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:0001:2::', '2001:db8:1:2'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0'],
    ['no address', 'no address'],
    ['', ''],
  ])('the network of %s is %s', (address, network) => expect(networkOf(address)).toBe(network));
});
