/** reference 14.2 and 14.3: what instances do for each other's clients, on each kind of backplane. */
import {
  CLUSTER_KIND,
  NATS_KIND,
  REDIS_KIND,
  type BackplaneKind,
  type Running,
} from '../support/backplane-kinds.js';
import type { Received } from '../support/client.js';
import {
  connectTo,
  stopInstances,
  text,
  type IdentifiedClient,
  type TestMessage,
} from '../support/instances.js';
import { describeWith } from '../support/requirement.js';

const MAX_PAYLOAD = 1024 * 1024;

function describeKind({ name, program, path }: BackplaneKind, what: string, tests: () => void): void {
  const title = `${what}, through ${name}`;
  if (program === undefined) {
    describe(title, () => {
      tests();
    });
    return;
  }
  describeWith(program, path!, title, tests);
}

/** What clients receive up to a last message, each. */
async function receiveUntil(clients: readonly IdentifiedClient[], last: string): Promise<Received[][]> {
  return Promise.all(
    clients.map(async ({ client }) => {
      const received: Received[] = [];
      for (;;) {
        const message = await client.nextReceived();
        if (message.data === last) return received;
        received.push(message);
      }
    }),
  );
}

for (const kind of [REDIS_KIND, NATS_KIND, CLUSTER_KIND]) {
  describeKind(kind, 'three instances', () => {
    let running: Running;
    beforeAll(async () => {
      running = await kind.start(3);
    }, 60_000);
    afterAll(async () => {
      try {
        for (const instance of running.instances) {
          expect(await instance.call('problems')).toEqual([]);
          expect(await instance.call('errors', '/chat')).toEqual([]);
        }
      } finally {
        await stopInstances();
        await running.stop();
      }
    });

    /** Two clients of each instance. */
    async function connectAll(path = '/chat'): Promise<IdentifiedClient[]> {
      const clients: IdentifiedClient[] = [];
      for (const instance of running.instances) {
        clients.push(await connectTo(instance, path), await connectTo(instance, path));
      }
      return clients;
    }
    async function closeAll(clients: readonly IdentifiedClient[]): Promise<void> {
      await Promise.all(clients.map(({ client }) => client.close()));
    }

    it.each(['/chat', '/rooms/7'])(
      'every client of %s gets each broadcast once, whatever it is, in order',
      async (url) => {
        const path = url === '/chat' ? url : '/rooms/:id';
        const clients = await connectAll(url);
        const [first] = running.instances;
        const messages: TestMessage[] = [
          text('short'),
          text(''),
          text('Grüße, 世界 🌍'),
          { type: 'binary', value: '\u0000\u0001binary' },
          { type: 'blob', value: 'a blob that has to be read first', length: 100_000 },
          { type: 'json', value: { a: [1, null, { b: 'ü' }] } },
          { type: 'text', value: 'long ', length: MAX_PAYLOAD },
          { type: 'binary', value: 'long binary ', length: MAX_PAYLOAD },
          { type: 'blob', value: 'another', length: 10 },
        ];
        for (const message of messages) await first!.call('broadcast', path, message);
        // All of them in one turn as well.
        await Promise.all(messages.map((message) => first!.call('broadcast', path, message)));
        await first!.call('broadcast', path, text('end'));
        const expected = [...messages, ...messages].map((message) => {
          if (message.type === 'json') return { isBinary: false, data: JSON.stringify(message.value) };
          const { value, length = value.length } = message;
          const whole = value.repeat(Math.ceil(length / Math.max(value.length, 1))).slice(0, length);
          return message.type === 'text'
            ? { isBinary: false, data: whole }
            : { isBinary: true, data: Buffer.from(whole) };
        });
        for (const received of await receiveUntil(clients, 'end')) {
          expect(received.length).toBe(expected.length);
          for (const [index, { data, isBinary }] of received.entries()) {
            expect(isBinary).toBe(expected[index]!.isBinary);
            expect(Buffer.compare(Buffer.from(data), Buffer.from(expected[index]!.data))).toBe(0);
          }
        }
        await closeAll(clients);
      },
      60_000,
    );

    it('ids are unique among all, and safe integers', async () => {
      const clients = await connectAll();
      expect(new Set(clients.map(({ id }) => id)).size).toBe(clients.length);
      expect(clients.every(({ id }) => Number.isSafeInteger(id) && id > 0)).toBe(true);
      await closeAll(clients);
    });

    it('exceptions hold for clients of other instances', async () => {
      const clients = await connectAll();
      const [first, second] = running.instances;
      const except = [clients[1]!.id, clients[4]!.id];
      await first!.call('broadcast', '/chat', text('not for two'), { except });
      await first!.call('broadcast', '/chat', text('not for the last'), { except: clients[5]!.id });
      await second!.call('broadcast', '/chat', text('end of the second'));
      await first!.call('broadcast', '/chat', text('end'));
      const received = await receiveUntil(clients, 'end');
      for (const [index, messages] of received.entries()) {
        const texts = messages.map(({ data }) => data).filter((data) => data !== 'end of the second');
        expect(texts).toEqual([
          ...(index === 1 || index === 4 ? [] : ['not for two']),
          ...(index === 5 ? [] : ['not for the last']),
        ]);
      }
      await closeAll(clients);
    });

    it('publishes reach the subscribers of all instances; those of one sender in order', async () => {
      const clients = await connectAll();
      const subscribers = [clients[0]!, clients[3]!, clients[4]!];
      for (const { client } of subscribers) {
        client.send('join news');
        expect(await client.next()).toBe('join news');
      }
      await running.interested('/chat', 'news', 3);
      const [first, second, third] = running.instances;
      await Promise.all([
        first!.call('publishMany', '/chat', 'news', 'first', 2000),
        second!.call('publishMany', '/chat', 'news', 'second', 2000),
      ]);
      // A sender's own messages are in order; the end of each sender is told by itself.
      for (const { client } of subscribers) {
        const next = new Map([
          ['first', 0],
          ['second', 0],
        ]);
        for (let count = 0; count < 4000; count++) {
          const [sender, number] = String(await client.next()).split(' ') as [string, string];
          expect(Number(number)).toBe(next.get(sender));
          next.set(sender, Number(number) + 1);
        }
      }
      // Who left hears nothing any more, though another client of the instance still does.
      subscribers[1]!.client.send('leave news');
      expect(await subscribers[1]!.client.next()).toBe('leave news');
      await third!.call('publish', '/chat', 'news', text('later'));
      expect(await subscribers[0]!.client.next()).toBe('later');
      expect(await subscribers[2]!.client.next()).toBe('later');
      await first!.call('broadcast', '/chat', text('end'));
      for (const messages of await receiveUntil(clients, 'end')) expect(messages).toEqual([]);
      await closeAll(clients);
    }, 60_000);

    it('topics may have any name', async () => {
      const [first, second] = running.instances;
      const listener = await connectTo(second!);
      const topics = ['a.b', '*', '>', 'with space', 'ümläut/世界', '#topic:x', '%2E', 'x'.repeat(5000)];
      for (const topic of topics) {
        listener.client.send(`join ${topic}`);
        await listener.client.next();
      }
      // They are subscribed to in order, so the last one tells of all.
      for (;;) {
        await first!.call('publish', '/chat', topics.at(-1), text('probe'));
        await first!.call('sendTo', '/chat', listener.id, text('was there a probe?'));
        const answers = await listener.client.next();
        if (answers === 'probe') break;
      }
      await first!.call('sendTo', '/chat', listener.id, text('begin'));
      await receiveUntil([listener], 'begin');
      for (const topic of topics) await first!.call('publish', '/chat', topic, text(topic));
      expect(await listener.client.take(topics.length)).toEqual(expect.arrayContaining(topics));
      await listener.client.close();
    });

    it('servers are apart: by their paths, and by choice', async () => {
      const [first, second] = running.instances;
      const chat = await connectTo(second!);
      const room = await connectTo(second!, '/rooms/7');
      const alone = await connectTo(second!, '/alone');
      await first!.call('broadcast', '/rooms/:id', text('for rooms'));
      await first!.call('broadcast', '/alone', text('for nobody here'));
      await first!.call('sendTo', '/chat', room.id, text('not on this server'));
      await first!.call('sendTo', '/alone', alone.id, text('not from another instance'));
      expect(await first!.call('countConnections', '/alone')).toEqual({ connections: 0, instances: 1 });
      await first!.call('broadcast', '/chat', text('for the chat'));
      expect(await room.client.next()).toBe('for rooms');
      expect(await chat.client.next()).toBe('for the chat');
      await second!.call('broadcast', '/alone', text('end'));
      expect(await alone.client.next()).toBe('end');
      await second!.call('broadcast', '/rooms/:id', text('end'));
      expect(await room.client.next()).toBe('end');
      await closeAll([chat, room, alone]);
    });

    it('a client is reached and closed by its id, wherever it is', async () => {
      const clients = await connectAll();
      const [first] = running.instances;
      for (const { id } of clients) await first!.call('sendTo', '/chat', id, text(`to ${id}`));
      for (const { id, client } of clients) expect(await client.next()).toBe(`to ${id}`);
      await first!.call('sendTo', '/chat', clients[4]!.id, { type: 'binary', value: 'bytes' });
      expect(await clients[4]!.client.nextReceived()).toEqual({ isBinary: true, data: Buffer.from('bytes') });
      await first!.call('terminateConnection', '/chat', clients[3]!.id, 4001, 'enough');
      expect(await clients[3]!.client.closed).toEqual({ code: 4001, reason: 'enough' });
      await first!.call('terminateConnection', '/chat', clients[0]!.id);
      expect(await clients[0]!.client.closed).toEqual({ code: 1005, reason: '' });
      // Ids of nobody, and of somebody who has gone.
      for (const id of [1, clients[3]!.id, clients[0]!.id, Number.MAX_SAFE_INTEGER]) {
        expect(await first!.call('sendTo', '/chat', id, text('hello?'))).toBeUndefined();
        expect(await first!.call('terminateConnection', '/chat', id)).toBeUndefined();
      }
      await closeAll([clients[1]!, clients[2]!, clients[4]!, clients[5]!]);
    });

    it('counts the connections of all', async () => {
      const clients = [...(await connectAll()), await connectTo(running.instances[2]!)];
      for (const instance of running.instances) {
        expect(await instance.call('countConnections', '/chat')).toEqual({ connections: 7, instances: 3 });
      }
      await closeAll(clients);
    });
  });

  describeKind(kind, 'an instance that goes', () => {
    let running: Running;
    beforeEach(async () => {
      running = await kind.start(3);
    }, 60_000);
    afterEach(async () => {
      await stopInstances();
      await running.stop();
    });

    it('killed: the others go on, and stop counting it', async () => {
      const [first, second, third] = running.instances;
      const [one, two, three] = [await connectTo(first!), await connectTo(second!), await connectTo(third!)];
      expect(await first!.call('countConnections', '/chat')).toEqual({ connections: 3, instances: 3 });
      process.kill(third!.pid, 'SIGKILL');
      expect((await three.client.closed).code).toBe(1006);
      await first!.call('broadcast', '/chat', text('still here'));
      expect(await one.client.next()).toBe('still here');
      expect(await two.client.next()).toBe('still here');
      expect(await first!.call('countConnections', '/chat', 300)).toEqual({ connections: 2, instances: 2 });
      // It is forgotten: nobody waits for it again, however much time there is.
      expect(await first!.call('countConnections', '/chat', 2 ** 31 - 1)).toEqual({
        connections: 2,
        instances: 2,
      });
      for (const instance of [first!, second!]) {
        expect(await instance.call('problems')).toEqual([]);
        expect(await instance.call('errors', '/chat')).toEqual([]);
      }
    });

    it('closed: what its handlers say last is heard, and nobody waits for it', async () => {
      const [first, second, third] = running.instances;
      const listener = await connectTo(first!, '/farewell');
      const leaving = await connectTo(third!, '/farewell');
      expect(await first!.call('countConnections', '/farewell')).toEqual({ connections: 2, instances: 3 });
      await third!.call('close');
      expect((await leaving.client.closed).code).toBe(1001);
      expect(await listener.client.next()).toBe('farewell');
      expect(await second!.call('countConnections', '/farewell', 2 ** 31 - 1)).toEqual({
        connections: 1,
        instances: 2,
      });
    });
  });
}
