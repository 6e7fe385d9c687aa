/** The parts of the talk between instances that no real broker brings about at will. */
import { MessageParts } from '../../lib/backplane/nats-message-parts.js';
import { blockOf, ConnectionIds } from '../../lib/instances/connection-ids.js';
import {
  EntryKind,
  packEnvelope,
  unpackEnvelope,
  UnreadableEnvelopeError,
} from '../../lib/instances/envelope.js';
import { Interest, type InterestObserver } from '../../lib/instances/interest.js';
import { ProblemReports } from '../../lib/instances/problem-reports.js';
import type { Backplane } from '../../lib/interfaces/index.js';
import { Random } from '../support/random.js';

describe('ConnectionIds', () => {
  it('go on in the next block, which is made known before it is used', () => {
    const blocks: number[] = [];
    const ids = new ConnectionIds((block) => blocks.push(block));
    const first = ids.next();
    expect(blockOf(first)).toBe(ids.firstBlock);
    let id = first;
    for (let count = 1; count < 2 ** 20; count++) id = ids.next();
    expect(blockOf(id)).toBe(ids.firstBlock);
    expect(blocks).toEqual([ids.firstBlock + 1]);
    expect(blockOf(ids.next())).toBe(ids.firstBlock + 1);
    expect(id).toBe(first + 2 ** 20 - 1);
    expect(ids.has(first)).toBe(true);
    expect(ids.has(first - 1)).toBe(false);
    expect(ids.has(id + 2)).toBe(false);
  });

  it('of many processes begin in different blocks, all of them safe integers', () => {
    const blocks = new Set<number>();
    for (let count = 0; count < 1000; count++) {
      const ids = new ConnectionIds(() => undefined);
      blocks.add(ids.firstBlock);
      expect(Number.isSafeInteger((ids.firstBlock + 1000) * 2 ** 20)).toBe(true);
    }
    expect(blocks.size).toBe(1000);
  });
});

describe('an envelope', () => {
  const entries = [
    [EntryKind.MESSAGE, false, Buffer.from('text'), []],
    [EntryKind.MESSAGE, true, Buffer.alloc(100_000, 7), [1, 2 ** 52]],
    [EntryKind.SEND, '/chat', Buffer.from(''), true, 2 ** 53 - 1],
    [EntryKind.TERMINATE, '', 5, null, null],
    [EntryKind.TERMINATE, '', 5, 4000, 'why'],
    [EntryKind.COUNT, 7],
    [EntryKind.COUNTED, '/chat', 7, 12, 2],
    [EntryKind.HELLO, '/chat', true],
    [EntryKind.BYE],
    [EntryKind.FORGOTTEN],
  ] as Parameters<typeof packEnvelope>[1];

  it('is read as it was packed, from any bytes', () => {
    const packed = packEnvelope(2 ** 33 - 1, entries);
    expect(unpackEnvelope(packed)).toEqual({ sender: 2 ** 33 - 1, entries });
    expect(unpackEnvelope(new Uint8Array(packed))).toEqual({ sender: 2 ** 33 - 1, entries });
  });

  it('with any damage is refused, or is an envelope', () => {
    const packed = packEnvelope(77, entries.slice(0, 1).concat(entries.slice(2)));
    const random = new Random(14);
    let refused = 0;
    for (let round = 0; round < 20_000; round++) {
      const damaged = Buffer.from(packed);
      for (let count = 0; count <= round % 3; count++)
        damaged[random.below(damaged.length)] = random.below(256);
      try {
        const { sender, entries: read } = unpackEnvelope(
          damaged.subarray(0, damaged.length - random.below(3)),
        );
        expect(Number.isSafeInteger(sender)).toBe(true);
        expect(Array.isArray(read)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableEnvelopeError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(10_000);
  });
});

describe('MessageParts', () => {
  const whole = Buffer.from('0123456789');
  const split = (parts: MessageParts) => [...parts.split(whole, 4)];

  it('joins the parts of several senders and subjects', () => {
    const [one, two, receiver] = [new MessageParts('one'), new MessageParts('two'), new MessageParts('x')];
    const [a, b] = [split(one), split(two)];
    const joined: unknown[] = [];
    for (const index of [0, 1, 2]) {
      for (const [subject, [part, header]] of [
        ['s', a[index]!],
        ['t', a[index]!],
        ['s', b[index]!],
      ] as const) {
        joined.push(receiver.join(subject, header, part)?.toString());
      }
    }
    expect(joined).toEqual([...Array.from({ length: 6 }), '0123456789', '0123456789', '0123456789']);
  });

  it('drops a message with a part missing, and no other', () => {
    const [sender, receiver] = [new MessageParts('one'), new MessageParts('x')];
    const [lost, next] = [split(sender), split(sender)];
    expect(receiver.join('s', lost[0]![1], lost[0]![0])).toBeUndefined();
    expect(receiver.join('s', lost[2]![1], lost[2]![0])).toBeUndefined();
    expect(receiver.join('s', lost[1]![1], lost[1]![0])).toBeUndefined();
    expect(receiver.join('s', next[0]![1], next[0]![0])).toBeUndefined();
    expect(receiver.join('s', next[1]![1], next[1]![0])).toBeUndefined();
    expect(receiver.join('s', next[2]![1], next[2]![0])).toEqual(whole);
    for (const nonsense of ['', 'x', 'a b c d', `one 1 0 ${'9'.repeat(20)}`]) {
      expect(receiver.join('s', nonsense, whole)).toBeUndefined();
    }
    receiver.clear();
  });
});

describe('Interest', () => {
  const observer: InterestObserver = {
    subscribed: () => undefined,
    refused: () => undefined,
    accepted: () => undefined,
    kept: () => undefined,
  };

  /** An interest whose backplane notes when it is asked for what, and refuses for as long as it is told. */
  function create(): {
    interest: Interest;
    asked: [channels: readonly string[], at: number][];
    unsubscribed: string[];
    answer: (refuses: boolean) => void;
  } {
    const asked: [readonly string[], number][] = [];
    const unsubscribed: string[] = [];
    let refuses = true;
    const interest = new Interest(
      {
        subscribe: async (channels: readonly string[]) => {
          asked.push([channels, performance.now()]);
          if (refuses) throw new Error('no');
        },
        unsubscribe: (channels: readonly string[]) => void unsubscribed.push(...channels),
      } as unknown as Backplane,
      observer,
    );
    return { interest, asked, unsubscribed, answer: (now) => (refuses = now) };
  }

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  it('asks a backplane that refuses less and less often, until it agrees', async () => {
    const { interest, asked, answer } = create();
    interest.add('a', () => undefined);
    await expect(interest.open()).rejects.toThrow('no');
    await until(() => asked.length === 5);
    const waits = asked.slice(1).map(([, at], index) => at - asked[index]![1]);
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeGreaterThan(100 * 2 ** index - 10);
      expect(wait).toBeLessThan(100 * 2 ** index * 1.25 + 200);
    }
    answer(false);
    await until(() => asked.length === 6);
    expect(asked.every(([channels]) => channels.join() === 'a')).toBe(true);
    // The next refusal is another matter, which begins anew.
    answer(true);
    interest.add('b', () => undefined);
    await until(() => asked.length === 8);
    expect(asked[7]![1] - asked[6]![1]).toBeLessThan(325);
    expect(asked[7]![0]).toEqual(['b']);
    interest.clear();
  });

  it('asks no more for what nobody wants', async () => {
    const { interest, asked, unsubscribed } = create();
    interest.add('a', () => undefined);
    interest.add('b', () => undefined);
    await expect(interest.open()).rejects.toThrow('no');
    interest.remove('a');
    await until(() => asked.length === 2);
    expect(asked.map(([channels]) => channels)).toEqual([['a', 'b'], ['b']]);
    // Of several the broker may have refused some only.
    expect(unsubscribed).toEqual(['a']);
    interest.remove('b');
    await until(() => unsubscribed.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(asked).toHaveLength(2);
  });

  it('asks for nothing while it is held, and for all of it afterwards', async () => {
    const { interest, asked, unsubscribed, answer } = create();
    answer(false);
    await interest.open();
    interest.add('before', () => undefined);
    await until(() => asked.length === 1);
    interest.hold();
    interest.add('meanwhile', () => undefined);
    interest.remove('before');
    await until(() => unsubscribed.length === 1);
    expect(asked).toHaveLength(1);
    await interest.open();
    expect(asked.map(([channels]) => channels)).toEqual([['before'], ['meanwhile']]);
    expect(unsubscribed).toEqual(['before']);
    interest.clear();
  });
});

describe('ProblemReports', () => {
  it('tell each kind once a minute, with how often it happened meanwhile', () => {
    const { now } = performance;
    let time = 1_000;
    performance.now = () => time;
    try {
      const told: string[] = [];
      const reports = new ProblemReports((problem) => told.push(problem));
      for (let count = 0; count < 5; count++) reports.report('one', 'one', undefined);
      reports.report('two', 'two', undefined);
      time += 59_999;
      reports.report('one', 'one', undefined);
      expect(told).toEqual(['one', 'two']);
      time += 1;
      reports.report('one', 'one', undefined);
      reports.report('two', 'two', undefined);
      time += 60_000;
      reports.report('one', 'one', undefined);
      expect(told).toEqual(['one', 'two', 'one (and 5 times more since it was last told)', 'two', 'one']);
    } finally {
      performance.now = now;
    }
  });
});
