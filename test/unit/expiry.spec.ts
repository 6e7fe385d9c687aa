/** The time at which a connection ends (reference 19.5), by a clock that the test sets. */
import { jest } from '@jest/globals';
import { Expiry } from '../../lib/server/expiry.js';

const DAY = 24 * 60 * 60 * 1000;
const START = Date.UTC(2026, 0, 1);

let expired: number;
let expiry: Expiry;

beforeEach(() => {
  jest.useFakeTimers({ now: START });
  expired = 0;
  expiry = new Expiry(() => expired++);
});

afterEach(() => jest.useRealTimers());

it('ends at the time, once, however far it is: longer than a timer takes, too', () => {
  expiry.at = new Date(START + 400 * DAY);
  jest.advanceTimersByTime(400 * DAY - 1);
  expect(expiry.isOver).toBe(false);
  expect(expired).toBe(0);
  jest.advanceTimersByTime(1);
  expect(expired).toBe(1);
  jest.advanceTimersByTime(DAY);
  expect(expiry.isOver).toBe(true);
  expect(expired).toBe(1);
});

it('is over when it is asked, before the timer of a busy process is', () => {
  expiry.at = new Date(START + 1000);
  jest.setSystemTime(START + 1000);
  expect(expired).toBe(0);
  expect(expiry.isOver).toBe(true);
  expect(expired).toBe(1);
});

it('a clock that is set back is waited for', () => {
  expiry.at = new Date(START + 1000);
  jest.setSystemTime(START - 5000);
  jest.advanceTimersByTime(1000);
  expect(expiry.isOver).toBe(false);
  jest.advanceTimersByTime(4999);
  expect(expired).toBe(0);
  jest.advanceTimersByTime(1);
  expect(expired).toBe(1);
});

it('can be moved, taken back, and stopped', () => {
  expiry.at = new Date(START + 1000);
  expiry.at = new Date(START + 3000);
  jest.advanceTimersByTime(2999);
  expect(expired).toBe(0);
  expiry.at = undefined;
  jest.advanceTimersByTime(DAY);
  expect(expired).toBe(0);
  expect(expiry.at).toBeUndefined();
  expiry.at = new Date(Date.now() + 1);
  expiry.stop();
  jest.advanceTimersByTime(DAY);
  expect(expired).toBe(0);
  expect(jest.getTimerCount()).toBe(0);
});

it('asks for a token when 70 to 90 % of the time are over, and within what a timer takes', () => {
  expiry.at = new Date(START + 1000);
  const delays = Array.from({ length: 200 }, () => expiry.ask()!);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(700);
  expect(Math.max(...delays)).toBeLessThanOrEqual(900);
  expect(new Set(delays).size).toBeGreaterThan(50);
  expiry.at = new Date(START + 400 * DAY);
  expect(expiry.ask()).toBe(2 ** 31 - 1);
  expiry.at = new Date(START + 99);
  expect(expiry.ask()).toBeUndefined();
  expiry.at = undefined;
  expect(expiry.ask()).toBeUndefined();
});

it('takes no token that was not asked for, or comes too early, or twice; of those that wait it keeps the last', () => {
  expect(expiry.keep('unasked')).toBe(false);
  expiry.at = new Date(START + 10_000);
  expect(expiry.keep('unasked')).toBe(false);
  const delay = expiry.ask()!;
  expect(expiry.keep('early')).toBe(false);
  jest.advanceTimersByTime(delay);
  expect([expiry.keep('a'), expiry.keep('b'), expiry.take()]).toEqual([true, false, 'b']);
  expect(expiry.keep('again')).toBe(false);
});

it('a token that waits while another is asked for is looked at, and so is the other, in its time', () => {
  expiry.at = new Date(START + 1000);
  jest.advanceTimersByTime(expiry.ask()!);
  expect(expiry.keep('a')).toBe(true);
  expiry.at = new Date(START + 9000);
  const delay = expiry.ask()!;
  expect(expiry.keep('early')).toBe(false);
  expect(expiry.take()).toBe('a');
  jest.advanceTimersByTime(delay);
  expect(expiry.keep('b')).toBe(true);
  expect(expiry.take()).toBe('b');
});
