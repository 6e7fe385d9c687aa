/** What every backplane that remembers promises, whatever it keeps histories in. */
import { BackplaneError, type HistoryBounds } from 'nestjs-4d-websocket';
import {
  HISTORY_KINDS,
  type Heard,
  type HistoryKind,
  type Member,
  type Store,
} from '../support/history-kinds.js';
import { until } from '../support/instances.js';
import { describeWith } from '../support/requirement.js';

const BOUNDS: HistoryBounds = { messages: 1000, age: 300_000 };

function describeKind({ name, program = 'nothing', path = '/' }: HistoryKind, tests: () => void): void {
  describeWith(program, path, name, tests);
}

function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** All pages from an offset on. */
async function readAll(
  member: Member,
  channel: string,
  after = 0,
  bounds = BOUNDS,
): Promise<[number, string][]> {
  const all: [number, string][] = [];
  for (;;) {
    const page = await member.read(channel, all.at(-1)?.[0] ?? after, 1000, bounds);
    all.push(...page.entries);
    if (page.entries.length === 0 || page.entries.at(-1)![0] === page.newest) return all;
  }
}

/** What was heard, message by message, in the order of positions. */
function unrolled(heard: readonly Heard[]): [number, string][] {
  const all = heard.flatMap(({ first, messages }) =>
    messages.map((message, index): [number, string] => [first + index, message]),
  );
  return all.sort(([a], [b]) => a - b);
}

for (const kind of HISTORY_KINDS) {
  describeKind(kind, () => {
    let store: Store;
    let [a, b] = [] as unknown as [Member, Member];
    let channels = 0;
    /** A channel of the test's own. */
    const channel = (): string => `/chat#topic:room:${++channels}`;

    beforeAll(async () => {
      store = await kind.start();
      [a, b] = await Promise.all([store.join(), store.join()]);
    }, 60_000);
    afterAll(() => store?.stop());

    it('begins with an epoch and nothing', async () => {
      const name = channel();
      const page = await a.read(name, 0, 100, BOUNDS);
      expect(page).toEqual({ epoch: expect.any(String), newest: 0, oldest: 1, entries: [] });
      expect(page.epoch).not.toBe('');
      expect((await b.read(name, 0, 100, BOUNDS)).epoch).toBe(page.epoch);
      expect(await b.append(name, ['first'], BOUNDS)).toEqual({ epoch: page.epoch, offset: 1 });
      expect((await a.read(channel(), 0, 0, BOUNDS)).epoch).not.toBe(page.epoch);
    });

    it('gives positions without holes to two that append at once', async () => {
      const name = channel();
      const appended: [number, string][] = [];
      const epochs = new Set<string>();
      await Promise.all(
        [a, b].flatMap((member, who) =>
          numbers(1, 500).map(async (index) => {
            const message = `${who}-${index}`;
            const { epoch, offset } = await member.append(name, [message], BOUNDS);
            epochs.add(epoch);
            appended.push([offset, message]);
          }),
        ),
      );
      expect(epochs.size).toBe(1);
      appended.sort(([one], [other]) => one - other);
      expect(appended.map(([offset]) => offset)).toEqual(numbers(1, 1000));
      expect(await readAll(b, name)).toEqual(appended);
      // One's own stand in the order in which they were appended.
      const own = appended.filter(([, message]) => message.startsWith('0-'));
      expect(own.map(([, message]) => message)).toEqual(numbers(1, 500).map((index) => `0-${index}`));
    }, 60_000);

    it('appends many in one step', async () => {
      const name = channel();
      expect((await a.append(name, ['one', 'two', 'three'], BOUNDS)).offset).toBe(1);
      expect((await b.append(name, ['', 'ünicode\n\0', 'six'], BOUNDS)).offset).toBe(4);
      expect((await b.read(name, 0, 100, BOUNDS)).entries).toEqual([
        [1, 'one'],
        [2, 'two'],
        [3, 'three'],
        [4, ''],
        [5, 'ünicode\n\0'],
        [6, 'six'],
      ]);
      // A page may begin and end within what was appended together.
      expect((await a.read(name, 1, 3, BOUNDS)).entries.map(([offset]) => offset)).toEqual([2, 3, 4]);
    });

    it('tells all that are subscribed just what was appended', async () => {
      const [name, other] = [channel(), channel()];
      await Promise.all([a.subscribe(name), b.subscribe(name)]);
      const { epoch } = await a.append(name, ['one', 'two'], BOUNDS);
      await a.append(other, ['not for them'], BOUNDS);
      await b.append(name, [''], BOUNDS);
      for (const member of [a, b]) {
        const heard = async (): Promise<Heard[]> =>
          (await member.heard()).filter(({ channel: its }) => its === name);
        await until(async () => unrolled(await heard()).length === 3);
        expect(unrolled(await heard())).toEqual([
          [1, 'one'],
          [2, 'two'],
          [3, ''],
        ]);
        expect(new Set((await heard()).map(({ epoch: its }) => its))).toEqual(new Set([epoch]));
        expect((await member.heard()).filter(({ channel: its }) => its === other)).toEqual([]);
      }
    });

    it('reads pages', async () => {
      const name = channel();
      const all = numbers(1, 100).map((number): [number, string] => [number, `message ${number}`]);
      for (const [, message] of all) await a.append(name, [message], BOUNDS);
      const state = { epoch: expect.any(String), newest: 100, oldest: 1 };
      expect(await b.read(name, 0, 30, BOUNDS)).toEqual({ ...state, entries: all.slice(0, 30) });
      expect(await b.read(name, 30, 30, BOUNDS)).toEqual({ ...state, entries: all.slice(30, 60) });
      expect(await b.read(name, 90, 30, BOUNDS)).toEqual({ ...state, entries: all.slice(90) });
      expect(await b.read(name, -5, 30, BOUNDS)).toEqual({ ...state, entries: all.slice(-5) });
      expect(await b.read(name, -5, 2, BOUNDS)).toEqual({ ...state, entries: all.slice(95, 97) });
      expect(await b.read(name, -500, 1, BOUNDS)).toEqual({ ...state, entries: all.slice(0, 1) });
      expect(await b.read(name, 0, 0, BOUNDS)).toEqual({ ...state, entries: [] });
      expect(await b.read(name, 100, 30, BOUNDS)).toEqual({ ...state, entries: [] });
      expect(await b.read(name, 4_000_000_000, 30, BOUNDS)).toEqual({ ...state, entries: [] });
    });

    it('cuts long pages, but not to nothing', async () => {
      const name = channel();
      const long = 'x'.repeat(100_000);
      await a.append(name, [long, long, 'short'], BOUNDS);
      await a.append(name, ['y'.repeat(400_000), long, 'last'], BOUNDS);
      const offsets = async (after: number): Promise<number[]> =>
        (await b.read(name, after, 100, BOUNDS)).entries.map(([offset]) => offset);
      expect(await offsets(0)).toEqual([1, 2, 3]);
      expect(await offsets(3)).toEqual([4]);
      expect(await offsets(4)).toEqual([5, 6]);
      expect((await readAll(b, name)).map(([, message]) => message.length)).toEqual([
        ...[100_000, 100_000, 5],
        ...[400_000, 100_000, 4],
      ]);
    });

    it('keeps no more messages than it has to', async () => {
      const name = channel();
      const few = { messages: 10, age: 300_000 };
      for (const number of numbers(1, 7))
        await a.append(
          name,
          numbers(1, 3).map((one) => `${number}.${one}`),
          few,
        );
      const page = await b.read(name, 0, 100, few);
      expect(page).toMatchObject({ newest: 21, oldest: 12 });
      expect(page.entries.map(([offset]) => offset)).toEqual(numbers(12, 21));
      expect(page.entries[0]).toEqual([12, '4.3']);
      expect(await b.read(name, 0, 100, { ...few, messages: 4 })).toMatchObject({
        oldest: 18,
        entries: page.entries.slice(-4),
      });
      // More at once than are kept.
      await a.append(name, numbers(1, 25).map(String), few);
      expect(await b.read(name, -1, 100, few)).toMatchObject({
        newest: 46,
        oldest: 37,
        entries: [[46, '25']],
      });
    });

    it('keeps none that is too old, and goes on with the epoch', async () => {
      const name = channel();
      const short = { messages: 100, age: 1_000 };
      const { epoch } = await a.append(name, ['one', 'two'], short);
      const started = performance.now();
      expect(await b.read(name, 0, 100, short)).toMatchObject({ newest: 2, oldest: 1 });
      await until(async () => (await b.read(name, 0, 100, short)).oldest === 3);
      expect(performance.now() - started).toBeGreaterThan(900);
      expect(await b.read(name, 0, 100, short)).toEqual({ epoch, newest: 2, oldest: 3, entries: [] });
      expect(await b.append(name, ['three'], short)).toEqual({ epoch, offset: 3 });
      expect(await a.read(name, 0, 100, short)).toEqual({
        epoch,
        newest: 3,
        oldest: 3,
        entries: [[3, 'three']],
      });
    });

    it('forgets, if the epoch is the one that is meant', async () => {
      const name = channel();
      const { epoch } = await a.append(name, ['one', 'two'], BOUNDS);
      await b.forget(name, 'another');
      expect(await a.append(name, ['three'], BOUNDS)).toEqual({ epoch, offset: 3 });
      await b.forget(name, epoch);
      const page = await a.read(name, 0, 100, BOUNDS);
      expect(page).toMatchObject({ newest: 0, oldest: 1, entries: [] });
      expect(page.epoch).not.toBe(epoch);
      // Who comes late with the same does no harm.
      await a.append(name, ['one'], BOUNDS);
      await a.forget(name, epoch);
      expect(await b.append(name, ['two'], BOUNDS)).toEqual({ epoch: page.epoch, offset: 2 });
      await a.forget(name);
      const later = await b.append(name, ['anew'], BOUNDS);
      expect(later.offset).toBe(1);
      expect(later.epoch).not.toBe(page.epoch);
      expect((await a.read(name, 0, 100, BOUNDS)).entries).toEqual([[1, 'anew']]);
    });

    it.each(
      [
        'a b',
        '{room}',
        'a{room}b',
        'a}b',
        '}{',
        '{}',
        '{',
        '}',
        'a{}b{c}',
        '{{x}}',
        'ü€😀',
        'a.b.*.>',
        'a\nb\tc',
        '%7B',
        'x'.repeat(2_000),
        'ü'.repeat(300),
      ].map((topic) => [topic.slice(0, 20), topic]),
    )('takes topics of any name: %j', async (_label, topic) => {
      const name = `/chat#topic:${topic}`;
      await b.subscribe(name);
      const { epoch } = await a.append(name, [topic], BOUNDS);
      expect(await b.append(name, ['and more'], BOUNDS)).toEqual({ epoch, offset: 2 });
      expect((await b.read(name, 0, 10, BOUNDS)).entries).toEqual([
        [1, topic],
        [2, 'and more'],
      ]);
      await until(async () => unrolled((await b.heard()).filter((its) => its.channel === name)).length === 2);
    });

    if (kind.durable === true) {
      it('finds histories again after a crash, and rejects while it is away', async () => {
        const name = channel();
        const { epoch } = await a.append(name, ['one', 'two'], BOUNDS);
        await a.append(name, ['three'], BOUNDS);
        await store.kill!();
        for (const asked of [a.append(name, ['lost'], BOUNDS), b.read(name, 0, 1, BOUNDS), b.forget(name)]) {
          await expect(asked).rejects.toThrow(BackplaneError);
        }
        await store.restart!();
        expect(await b.read(name, 0, 100, BOUNDS)).toEqual({
          epoch,
          newest: 3,
          oldest: 1,
          entries: [
            [1, 'one'],
            [2, 'two'],
            [3, 'three'],
          ],
        });
        await b.subscribe(name);
        expect(await a.append(name, ['four'], BOUNDS)).toEqual({ epoch, offset: 4 });
        await until(async () =>
          (await b.heard()).some(({ channel: its, first }) => its === name && first === 4),
        );
      }, 60_000);
    }
  });
}
