import { closeApps } from '../support/app.js';
import { connect } from '../support/client.js';
import { serveConnections } from '../support/connection-app.js';

afterEach(closeApps);

async function threeConnections() {
  const served = await serveConnections();
  const clients = [];
  const connections = [];
  for (let index = 0; index < 3; index++) {
    clients.push(await connect(served.wsUrl));
    connections.push(await served.nextConnection());
  }
  const [one, two, three] = connections;
  return { ...served, clients, one: one!, two: two!, three: three! };
}

describe('14.1 wss.topics', () => {
  it('are the topics that have subscribers on this instance', async () => {
    const { server, one, two, clients, events } = await threeConnections();
    const { topics } = server;
    expect([...topics]).toEqual([]);
    expect(topics.length).toBe(0);
    one.subscribe('news');
    two.subscribe('news');
    two.subscribe('sport');
    expect([...topics].sort()).toEqual(['news', 'sport']);
    expect(topics.length).toBe(2);
    expect(topics.has('sport')).toBe(true);
    expect(topics.has('weather')).toBe(false);
    two.unsubscribe('sport');
    expect(topics.has('sport')).toBe(false);
    expect(topics.length).toBe(1);
    await clients[0]!.close();
    await events.next('terminate');
    expect([...topics.get('news')]).toEqual([two]);
    two.unsubscribe('news');
    expect([...topics]).toEqual([]);
  });

  it('get(topic) is a live collection of its subscribers, as connections are', async () => {
    const { server, one, two, three } = await threeConnections();
    for (const ws of [one, two]) ws.subscribe('news');
    const subscribers = server.topics.get('news');
    expect(subscribers.length).toBe(2);
    expect([...subscribers]).toEqual([one, two]);
    expect(subscribers.get(one.id)).toBe(one);
    expect(subscribers.get(three.id)).toBeUndefined();
    expect([subscribers.at(0), subscribers.at(1), subscribers.at(2), subscribers.at(-1)]).toEqual([
      one,
      two,
      undefined,
      two,
    ]);
    expect(subscribers.filter((ws) => ws === two)).toEqual([two]);
    expect(subscribers.find((ws) => ws === two)).toBe(two);
    expect(subscribers.find((ws) => ws === three)).toBeUndefined();
    expect(subscribers.map((ws, index) => [ws.id, index])).toEqual([
      [one.id, 0],
      [two.id, 1],
    ]);
    const seen: number[] = [];
    subscribers.forEach((ws) => seen.push(ws.id));
    expect(seen).toEqual([one.id, two.id]);
    expect(subscribers.some((ws) => ws === two)).toBe(true);
    expect(subscribers.every((ws) => ws === two)).toBe(false);
    three.subscribe('news');
    expect(subscribers.length).toBe(3);
    one.unsubscribe('news');
    expect([...subscribers]).toEqual([two, three]);
    expect(subscribers.at(0)).toBe(two);
  });

  it('get() of a topic that nobody subscribed to is empty, and fills when somebody does', async () => {
    const { server, one } = await threeConnections();
    const subscribers = server.topics.get('news');
    expect(subscribers.length).toBe(0);
    expect([...subscribers]).toEqual([]);
    expect(subscribers.at(0)).toBeUndefined();
    expect(server.topics.has('news')).toBe(false);
    one.subscribe('news');
    expect([...subscribers]).toEqual([one]);
    one.unsubscribe('news');
    one.subscribe('news');
    expect([...subscribers]).toEqual([one]);
  });

  it('are read-only: nobody joins or leaves but by subscribe and unsubscribe', async () => {
    const { server, one } = await threeConnections();
    one.subscribe('news');
    for (const member of ['add', 'set', 'delete', 'clear', 'join', 'leave', 'leaveAll']) {
      expect([member, member in server.topics]).toEqual([member, false]);
      expect([member, member in server.topics.get('news')]).toEqual([member, false]);
    }
  });

  it('may be iterated while subscribers come and go', async () => {
    const { server, one, two, three } = await threeConnections();
    for (const ws of [one, two, three]) ws.subscribe('news');
    const seen = [];
    for (const ws of server.topics.get('news')) {
      seen.push(ws);
      ws.unsubscribe('news');
    }
    expect(seen).toEqual([one, two, three]);
    expect(server.topics.length).toBe(0);
  });
});

describe('14.1 publish to several topics', () => {
  it('reaches each client once', async () => {
    const { server, clients, one, two, three } = await threeConnections();
    one.subscribe('a');
    one.subscribe('b');
    two.subscribe('b');
    three.subscribe('c');
    server.publish(['a', 'b'], 'both');
    server.publish(['a', 'a'], 'twice the same');
    server.publish(['a', 'b', 'c'], 'but one', { except: one });
    server.publish([], 'nobody');
    server.publish(['b'], 'an array of one');
    server.broadcast('end');
    expect(await clients[0]!.take(4)).toEqual(['both', 'twice the same', 'an array of one', 'end']);
    expect(await clients[1]!.take(4)).toEqual(['both', 'but one', 'an array of one', 'end']);
    expect(await clients[2]!.take(2)).toEqual(['but one', 'end']);
  });

  it.each([[['a', '']], [['a', 1]], [''], [1]])(
    'throws a TypeError for %j, and nobody hears',
    async (topics) => {
      const { server, clients, one } = await threeConnections();
      one.subscribe('a');
      expect(() => server.publish(topics as never, 'x')).toThrow(TypeError);
      expect(() => server.publish(topics as never, 'x')).toThrow(/WebSocketServer\.publish\(\): .*topic/);
      server.broadcast('end');
      expect(await clients[0]!.next()).toBe('end');
    },
  );
});
