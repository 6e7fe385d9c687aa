/** reference 16.2, 16.3, 16.5: what comes late, twice, out of order or not at all becomes each message once, in order. */
import { jest } from '@jest/globals';
import * as fc from 'fast-check';
import type { HistoryBounds, TopicPosition } from '../../lib/interfaces/index.js';
import { packMessage } from '../../lib/history/entry.js';
import type { ChannelFollower, HistoryStore } from '../../lib/history/history-store.js';
import { ReadSlots } from '../../lib/history/read-slots.js';
import { ServerHistory } from '../../lib/history/server-history.js';
import { topicMatcher } from '../../lib/history/topic-patterns.js';
import { MemoryHistory } from '../../lib/remembered/memory-history.js';
import type { SharedMessage } from '../../lib/server/message/shared-message.js';
import { until } from '../support/patience.js';
import type { Follower } from '../../lib/server/topic-history.js';

interface Told {
  first: TopicPosition;
  messages: readonly Uint8Array[];
}

/** A store whose telling and reading is in the hands of the test. */
class UnreliableStore implements HistoryStore {
  readonly mayLoseWord = true;
  readonly told: Told[] = [];
  readonly memory = new MemoryHistory((_channel, first, messages) => this.told.push({ first, messages }));
  follower: ChannelFollower | undefined;
  /** Waits before a read is asked for, and before its answer arrives. */
  delay: () => Promise<unknown> = () => Promise.resolve();
  failures = 0;

  append(channel: string, messages: readonly Uint8Array[], bounds: HistoryBounds) {
    return this.memory.append(channel, messages, bounds);
  }

  async read(channel: string, after: number, limit: number, bounds: HistoryBounds) {
    await this.delay();
    if (this.failures-- > 0) throw new Error('busy');
    const page = await this.memory.read(channel, after, limit, bounds);
    await this.delay();
    return page;
  }

  forget(channel: string, epoch?: string) {
    return this.memory.forget(channel, epoch);
  }

  follow(_channel: string, follower: ChannelFollower) {
    this.follower = follower;
  }

  unfollow() {
    this.follower = undefined;
  }
}

class TestFollower implements Follower {
  readonly resuming = undefined;
  readonly received: number[] = [];
  isOpen = true;

  constructor(readonly id: number) {}

  deliver({ data }: SharedMessage) {
    this.received.push(Number(String(data)));
  }

  async drain() {}
}

const BOUNDS = { messages: 100_000, age: 600_000 };
const CHANNEL = '/chat#topic:t';

function create() {
  const store = new UnreliableStore();
  const history = new ServerHistory({
    store,
    bounds: BOUNDS,
    topics: ['t'],
    slots: new ReadSlots(4),
    channel: () => CHANNEL,
    decode: String,
    report: () => undefined,
  });
  let count = 0;
  const append = (length: number) =>
    store.append(
      CHANNEL,
      Array.from({ length }, () =>
        packMessage({ payload: Buffer.from(String(++count)), isBinary: false, except: [] }),
      ),
      BOUNDS,
    );
  return { store, history, append, count: () => count };
}

/** Everything from one number to another. */
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('topics that remember', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), length: fc.integer({ min: 1, max: 5 }) }),
    // What is told next, or something told before; how often; or not at all.
    fc.record({ kind: fc.constant('tell' as const), which: fc.nat(), times: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ kind: fc.constant('join' as const), from: fc.option(fc.nat(30)) }),
    fc.record({ kind: fc.constant('missed' as const) }),
    fc.record({ kind: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 4 }) }),
  );

  const failing = fc.oneof(
    { arbitrary: step, weight: 9 },
    { arbitrary: fc.record({ kind: fc.constant('fail' as const) }), weight: 1 },
  );

  it.each([
    ['', step, 400],
    // Each failure takes the time of a retry.
    [' though reads fail', failing, 40],
  ])(
    '16.2, 16.3, 16.5 each follower has each message once and in order, from where it began%s',
    async (_when, arbitrary, numRuns) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(arbitrary, { minLength: 5, maxLength: 60 }),
          fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
          async (steps, delays) => {
            const { store, history, append, count } = create();
            store.delay = async () => {
              for (let turns = delays.next().value!; turns > 0; turns--) await Promise.resolve();
            };
            const { epoch } = await store.memory.read(CHANNEL, 0, 0, BOUNDS);
            history.topicAdded('t');
            const log: { follower: TestFollower; from: Promise<number> }[] = [];
            for (const each of steps) {
              switch (each.kind) {
                case 'append':
                  await append(each.length);
                  break;
                case 'tell': {
                  const index = each.which % (store.told.length + 1);
                  const [told] =
                    each.times === 2 ? store.told.slice(index, index + 1) : store.told.splice(index, 1);
                  if (told === undefined || each.times === 0) break;
                  store.follower!.remembered(told.first, told.messages);
                  break;
                }
                case 'join': {
                  const follower = new TestFollower(log.length);
                  const since = each.from === null ? undefined : Math.min(each.from, count());
                  const subscription = history.follow(
                    't',
                    follower,
                    since === undefined ? undefined : { since: { epoch, offset: since } },
                  );
                  log.push({ follower, from: subscription.then((known) => since ?? known!.position.offset) });
                  break;
                }
                case 'missed':
                  store.follower!.missed();
                  break;
                case 'fail':
                  store.failures = 1;
                  break;
                case 'wait':
                  for (let turns = each.turns; turns > 0; turns--) await Promise.resolve();
              }
            }
            store.failures = 0;
            // What was never told is found when something is.
            store.follower!.missed();
            await append(1);
            const last = store.told.at(-1)!;
            store.follower!.remembered(last.first, last.messages);
            for (const { follower, from } of log) {
              const begun = await from;
              // One whose topic was only read after the last message.
              if (begun === count()) continue;
              await until(() => follower.received.at(-1) === count());
              expect(follower.received).toEqual(range(follower.received[0]!, count()));
              expect(follower.received[0]!).toBeLessThanOrEqual(begun + 1);
            }
            await history.close();
          },
        ),
        { numRuns },
      );
    },
    60_000,
  );

  it('16.5 a store that lost the end of its memory begins a new epoch, and nothing is delivered twice', async () => {
    const { store, history, append } = create();
    history.topicAdded('t');
    const follower = new TestFollower(1);
    await history.follow('t', follower, undefined);
    await append(3);
    for (const { first, messages } of store.told.splice(0)) store.follower!.remembered(first, messages);
    const before = await store.memory.read(CHANNEL, 0, 0, BOUNDS);
    // It is back with what it had after the second message.
    const read = store.memory.read.bind(store.memory);
    store.memory.read = async (...asked) => {
      const page = await read(...asked);
      return page.epoch === before.epoch ? { ...page, newest: 2, entries: [] } : page;
    };
    store.follower!.missed();
    while ((await read(CHANNEL, 0, 0, BOUNDS)).epoch === before.epoch)
      await new Promise((resolve) => setImmediate(resolve));
    await append(1);
    for (const { first, messages } of store.told.splice(0)) store.follower!.remembered(first, messages);
    while (follower.received.length < 4) await new Promise((resolve) => setImmediate(resolve));
    expect(follower.received).toEqual([1, 2, 3, 4]);
    await history.close();
  });

  it('16.4 whoever was ahead of this instance goes on where it was', async () => {
    const { store, history, append } = create();
    const { epoch } = await store.memory.read(CHANNEL, 0, 0, BOUNDS);
    history.topicAdded('t');
    await history.follow('t', new TestFollower(0), undefined);
    // This instance is not told, or not yet.
    await append(5);
    const ahead = new TestFollower(1);
    const since = { since: { epoch, offset: 3 } };
    expect(await history.follow('t', ahead, since)).toEqual({
      position: { epoch, offset: 5 },
      recovered: true,
      lost: 0,
    });
    expect(ahead.received).toEqual([4, 5]);
    // Nor while it is reading already.
    await append(3);
    store.follower!.missed();
    await append(3);
    const further = new TestFollower(2);
    expect(await history.follow('t', further, { since: { epoch, offset: 10 } })).toMatchObject({
      recovered: true,
      lost: 0,
    });
    expect(further.received).toEqual([11]);
    // Nor when it does not know the epoch yet.
    await store.forget(CHANNEL);
    const fresh = await append(2);
    const other = new TestFollower(3);
    expect(await history.follow('t', other, { since: fresh })).toMatchObject({
      position: { offset: 2 },
      recovered: true,
    });
    expect(other.received).toEqual([13]);
    await history.close();
  });

  it('16.5 a last message that nobody tells of is found all the same, in time; quiet topics cost few reads', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const { store, history, append } = create();
    try {
      history.topicAdded('t');
      const follower = new TestFollower(1);
      await history.follow('t', follower, undefined);
      const read = jest.spyOn(store, 'read');
      await append(2);
      await jest.advanceTimersByTimeAsync(29_000);
      expect(read).not.toHaveBeenCalled();
      await jest.advanceTimersByTimeAsync(3_000);
      expect(follower.received).toEqual([1, 2]);
      // Once in a while it is looked at, and a store that refuses is asked again.
      read.mockClear();
      store.failures = 1;
      await append(1);
      await jest.advanceTimersByTimeAsync(65_000);
      expect(follower.received).toEqual([1, 2, 3]);
      read.mockClear();
      await jest.advanceTimersByTimeAsync(310_000);
      expect(read.mock.calls.length).toBeGreaterThanOrEqual(9);
      expect(read.mock.calls.length).toBeLessThanOrEqual(11);
      // Another instance had it forgotten.
      await store.forget(CHANNEL);
      await append(1);
      await jest.advanceTimersByTimeAsync(32_000);
      expect(follower.received).toEqual([1, 2, 3, 4]);
      history.topicRemoved('t');
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
      await history.close();
    }
  });

  it('16.3 whoever subscribes again while it catches up begins anew, and both promises tell where it got', async () => {
    const { store, history, append } = create();
    await append(300);
    history.topicAdded('t');
    const follower = new TestFollower(1);
    let second: Promise<unknown> | undefined;
    // Between two pages.
    follower.drain = async () => {
      second ??= history.follow('t', follower, { last: 2 });
    };
    const { epoch } = await store.memory.read(CHANNEL, 0, 0, BOUNDS);
    const first = await history.follow('t', follower, { since: { epoch, offset: 0 } });
    expect(first).toEqual({ position: { epoch, offset: 300 }, recovered: true, lost: 0 });
    expect(await second).toEqual(first);
    expect(follower.received.slice(-3)).not.toContain(298);
    expect(follower.received.slice(-2)).toEqual([299, 300]);
    // Who is gone is told of nothing.
    const gone = history.follow('t', new TestFollower(2), { last: 300 });
    history.topicRemoved('t');
    expect(await gone).toBeUndefined();
    await history.close();
  });

  it('16.3, 16.4 a history that begins anew in the middle of catching up is told, and nothing of it is skipped silently', async () => {
    const { store, history, append } = create();
    await append(300);
    const { epoch } = await store.memory.read(CHANNEL, 0, 0, BOUNDS);
    history.topicAdded('t');
    const follower = new TestFollower(1);
    let drained = 0;
    // Between two pages.
    follower.drain = async () => {
      if (drained++ > 0) return;
      await store.memory.forget(CHANNEL);
      await append(400);
      store.follower!.missed();
      await until(() => store.told.length > 0 && follower.received.length > 0);
      for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
    };
    const subscription = await history.follow('t', follower, { since: { epoch, offset: 0 } });
    expect(subscription).toMatchObject({ recovered: false, lost: undefined });
    expect(subscription!.position.epoch).not.toBe(epoch);
    await history.close();
  });
});

describe('patterns of topics', () => {
  it.each([
    ['room:*', 'room:1', true],
    ['room:*', 'room:', true],
    ['room:*', 'rooms', false],
    ['*', '', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['exact', 'exact', true],
    ['exact', 'exactly', false],
    ['*:state', 'game:state', true],
    ['a.*', 'axb', false],
  ])('16.1 %s and %s: %s', (pattern, topic, expected) => {
    expect(topicMatcher([pattern])(topic)).toBe(expected);
  });
});
