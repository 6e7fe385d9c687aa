/** What a client is made with (reference 15.8), and when it tries again (reference 15.4). */
import { jest } from '@jest/globals';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { reconnectDelay } from '../../lib/client/reconnect-policy.js';

const URL_NOBODY_HEARS = 'ws://127.0.0.1:1';

const invalid: [args: unknown[], error: typeof TypeError | typeof RangeError, message: string][] = [
  [[], TypeError, '"url" must be an absolute ws:, wss:, http: or https: URL, got undefined'],
  [['/chat'], TypeError, '"url" must be an absolute ws:, wss:, http: or https: URL, got /chat'],
  [['ftp://host'], TypeError, '"url"'],
  [[new URL('file:///x')], TypeError, '"url"'],
  [[null], TypeError, '"url"'],
  [[URL_NOBODY_HEARS, null], TypeError, '"handler" must be an object, got null'],
  [[URL_NOBODY_HEARS, () => 1], TypeError, '"handler" must be an object, got function'],
  [[URL_NOBODY_HEARS, { onOpen: 'x' }], TypeError, '"onOpen" must be a function, got x'],
  [[URL_NOBODY_HEARS, { onMessage: null }], TypeError, '"onMessage" must be a function'],
  [[URL_NOBODY_HEARS, { onError: 1 }], TypeError, '"onError" must be a function'],
  [[URL_NOBODY_HEARS, { onDisconnect: {} }], TypeError, '"onDisconnect" must be a function, got object'],
  [[URL_NOBODY_HEARS, { onResume: 1 }], TypeError, '"onResume" must be a function, got 1'],
  [[URL_NOBODY_HEARS, { onTerminate: [] }], TypeError, '"onTerminate" must be a function, got object'],
  [
    [URL_NOBODY_HEARS, { dataType: 'json' }],
    TypeError,
    `"dataType" must be 'text', 'blob' or 'object', got json`,
  ],
  [[URL_NOBODY_HEARS, { headers: 'x' }], TypeError, '"headers" must be an object, got x'],
  [[URL_NOBODY_HEARS, { headers: { 'a b': 'x' } }], TypeError, 'a b'],
  [[URL_NOBODY_HEARS, { headers: { a: 5 } }], TypeError, '"a"'],
  [[URL_NOBODY_HEARS, { headers: { a: 'x\ny' } }], TypeError, '"a"'],
  [[URL_NOBODY_HEARS, {}, 'x'], TypeError, '"options" must be an object, got x'],
  [[URL_NOBODY_HEARS, {}, { tokn: 1 }], TypeError, 'there is no option "tokn"; did you mean "token"?'],
  [[URL_NOBODY_HEARS, {}, { timeout: 1 }], TypeError, 'did you mean "connectTimeout"?'],
  [[URL_NOBODY_HEARS, {}, { protocol: 'x' }], TypeError, 'did you mean "protocols"?'],
  [[URL_NOBODY_HEARS, {}, { reconect: false }], TypeError, 'did you mean "reconnect"?'],
  [[URL_NOBODY_HEARS, {}, { reconnect: { min: 1 } }], TypeError, '"reconnect.min"; did you mean "minDelay"?'],
  [[URL_NOBODY_HEARS, {}, { reconnect: [] }], TypeError, '"reconnect" must be an object, got object'],
  [[URL_NOBODY_HEARS, []], TypeError, '"handler" must be an object'],
  [[URL_NOBODY_HEARS, () => undefined], TypeError, '"handler" must be an object'],
  [[URL_NOBODY_HEARS, {}, []], TypeError, '"options" must be an object'],
  [[URL_NOBODY_HEARS, {}, { heartbeat: true }], TypeError, '"heartbeat" must be an object, got true'],
  [[URL_NOBODY_HEARS, {}, { reconnect: 5 }], TypeError, '"reconnect" must be an object, got 5'],
  [[URL_NOBODY_HEARS, {}, { resume: 'yes' }], TypeError, '"resume" must be an object, got yes'],
  [[URL_NOBODY_HEARS, {}, { resume: { store: 1 } }], TypeError, '"resume.store"; did you mean "storage"?'],
  [
    [URL_NOBODY_HEARS, {}, { resume: { storage: {} } }],
    TypeError,
    '"resume.storage" must be a Storage, got object',
  ],
  [
    [URL_NOBODY_HEARS, {}, { resume: { storage: null } }],
    TypeError,
    '"resume.storage" must be a Storage, got null',
  ],
  [[URL_NOBODY_HEARS, {}, { resume: { key: 5 } }], TypeError, 'key" must be a string, got 5'],
  [
    [URL_NOBODY_HEARS, {}, { reconnect: { minDelay: 0 } }],
    RangeError,
    '"reconnect.minDelay" must be a whole number',
  ],
  [[URL_NOBODY_HEARS, {}, { reconnect: { maxDelay: 499 } }], RangeError, 'from 500 to 2147483647, got 499'],
  [[URL_NOBODY_HEARS, {}, { reconnect: { maxDelay: 2 ** 31 } }], RangeError, '"reconnect.maxDelay"'],
  [[URL_NOBODY_HEARS, {}, { reconnect: { maxAttempts: -1 } }], RangeError, '"reconnect.maxAttempts"'],
  [[URL_NOBODY_HEARS, {}, { reconnect: { retry: true } }], TypeError, '"reconnect.retry" must be a function'],
  [[URL_NOBODY_HEARS, {}, { buffer: 1 }], TypeError, '"buffer" must be a boolean, got 1'],
  [[URL_NOBODY_HEARS, {}, { maxBufferedAmount: -1 }], RangeError, '"maxBufferedAmount"'],
  [[URL_NOBODY_HEARS, {}, { maxBufferedAmount: '1' }], TypeError, '"maxBufferedAmount"'],
  [[URL_NOBODY_HEARS, {}, { connectTimeout: 0.5 }], RangeError, '"connectTimeout"'],
  [[URL_NOBODY_HEARS, {}, { connectTimeout: NaN }], RangeError, '"connectTimeout"'],
  [[URL_NOBODY_HEARS, {}, { protocols: 'chat' }], TypeError, '"protocols" must be an array of different'],
  [[URL_NOBODY_HEARS, {}, { protocols: ['a b'] }], TypeError, '"protocols"'],
  [[URL_NOBODY_HEARS, {}, { protocols: ['a', 'a'] }], TypeError, '"protocols"'],
  [[URL_NOBODY_HEARS, {}, { heartbeat: { interval: 0 } }], RangeError, '"heartbeat.interval"'],
  [[URL_NOBODY_HEARS, {}, { token: 'secret' }], TypeError, '"token" must be a function, got string'],
];

it.each(invalid)('new FourDWebSocket(...%j) says what is wrong at once', (args, error, message) => {
  const make = () => new (FourDWebSocket as new (...all: unknown[]) => FourDWebSocket)(...args).terminate();
  // By name: Node's own errors are of another realm than the test's.
  expect(make).toThrow(expect.objectContaining({ name: error.name }));
  expect(make).toThrow(message);
  expect(make).not.toThrow('secret');
});

it('a delay is anything from minDelay to a bound that doubles up to maxDelay', () => {
  for (const [attempt, bound] of [
    [1, 1000],
    [2, 2000],
    [5, 16_000],
    [6, 30_000],
    [2000, 30_000],
  ] as const) {
    const delays = Array.from({ length: 2000 }, () => reconnectDelay(attempt, 500, 30_000));
    const spread = bound - 500;
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(500);
    expect(Math.min(...delays)).toBeLessThan(500 + spread * 0.05);
    expect(Math.max(...delays)).toBeLessThanOrEqual(bound);
    expect(Math.max(...delays)).toBeGreaterThan(bound - spread * 0.05);
  }
});

it('attempts are made after the delays that were told, and counted in a row', async () => {
  jest.useFakeTimers();
  try {
    const attempts: number[] = [];
    const told: { attempt: number; delay: number }[] = [];
    let began = Date.now();
    const ws = new FourDWebSocket(
      () => {
        attempts.push(Date.now() - began);
        throw new Error('no URL yet');
      },
      { onError: () => undefined, onDisconnect: (_ws, event) => void told.push(event) },
      { reconnect: { maxAttempts: 8 } },
    );
    while (ws.status !== 'Closed') {
      const { length } = attempts;
      await jest.advanceTimersByTimeAsync(0);
      const next = told.at(-1);
      if (!next || ws.status !== 'Connecting') continue;
      began = Date.now();
      await jest.advanceTimersByTimeAsync(next.delay - 1);
      expect(attempts.length).toBeLessThanOrEqual(Math.max(length, 1));
      await jest.advanceTimersByTimeAsync(1);
      expect(attempts.at(-1)).toBe(next.delay);
    }
    expect(told.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(attempts).toHaveLength(9);
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});
