/** Reference 14.1: messages to many. */
import { closeApps } from '../support/app.js';
import { connect } from '../support/client.js';
import { serveConnections } from '../support/connection-app.js';

afterEach(closeApps);

describe('14.1 broadcast and topics', () => {
  it('broadcast reaches every connection but those excepted', async () => {
    const { wsUrl, server, nextConnection } = await serveConnections({});
    const clients = [];
    const connections = [];
    for (let index = 0; index < 4; index++) {
      clients.push(await connect(wsUrl));
      connections.push(await nextConnection());
    }
    server.broadcast('all');
    server.broadcast({ json: 1 }, { except: connections[0] });
    server.broadcast(Buffer.from('few'), { except: [connections[0]!, connections[1]!] });
    server.broadcast(new Blob(['blob']));
    server.broadcast('x'.repeat(10_000));
    const expected = ['all', '{"json":1}', 'few', 'blob', 'x'.repeat(10_000)];
    expect((await clients[0]!.take(3)).map(String)).toEqual([expected[0], expected[3], expected[4]]);
    expect((await clients[1]!.take(4)).map(String)).toEqual([
      expected[0],
      expected[1],
      expected[3],
      expected[4],
    ]);
    expect((await clients[2]!.take(5)).map(String)).toEqual(expected);
    expect((await clients[3]!.take(5)).map(String)).toEqual(expected);
    expect(() => server.broadcast(12 as never)).toThrow(TypeError);
  });

  it.each<[string, unknown, string]>([
    ['a string', 'abc', 'a string'],
    ['null', null, 'null'],
    ['a number that is no id', 1.5, '1.5'],
    ['an object that is no connection', {}, 'an Object'],
    ['a list with something else', [1, '2'], 'a string'],
    ['a function', () => undefined, 'a function'],
  ])('except is a connection, its id, or several of these; %s is a TypeError', async (_what, except, got) => {
    const { wsUrl, server, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    (await nextConnection()).subscribe('news');
    for (const call of [
      () => server.broadcast('x', { except: except as never }),
      () => server.publish('news', 'x', { except: except as never }),
    ]) {
      expect(call).toThrow(TypeError);
      expect(call).toThrow(
        new RegExp(`"except" must be a connection, its id, or several of these, got .*${got}`),
      );
    }
    server.broadcast('y', { except: new Set([12_345]) });
    expect(await client.take(1)).toEqual(['y']);
  });

  it('one client closes, one is gone, one is compressed: the others receive all the same', async () => {
    const { wsUrl, server, nextConnection } = await serveConnections({ perMessageDeflate: true });
    const plain = await connect(wsUrl, { perMessageDeflate: false });
    await nextConnection();
    const compressed = await connect(wsUrl);
    await nextConnection();
    const closing = await connect(wsUrl);
    (await nextConnection()).terminate(4000);
    const gone = await connect(wsUrl);
    const goneSide = await nextConnection();
    goneSide.request.raw.socket.destroy();
    server.broadcast('to all');
    expect(await plain.next()).toBe('to all');
    expect(await compressed.next()).toBe('to all');
    expect(closing.unread).toEqual([]);
    await gone.closed;
  });

  it('publish reaches the subscribers of a topic; a closed connection leaves its topics', async () => {
    const { wsUrl, server, nextConnection, events } = await serveConnections({});
    const [first, second] = [await connect(wsUrl), await connect(wsUrl)];
    const [one, two] = [await nextConnection(), await nextConnection()];
    one.subscribe('news');
    one.subscribe('news');
    two.subscribe('news');
    two.subscribe('sport');
    expect([...two.topics].sort()).toEqual(['news', 'sport']);
    server.publish('news', '1');
    server.publish('sport', '2');
    server.publish('nobody', '3');
    server.publish('news', '4', { except: one });
    one.unsubscribe('news');
    one.unsubscribe('never');
    server.publish('news', '5');
    server.broadcast('end');
    expect(await first.take(2)).toEqual(['1', 'end']);
    expect(await second.take(5)).toEqual(['1', '2', '4', '5', 'end']);
    expect(server.topics.length).toBe(2);
    await second.close();
    await events.next('terminate');
    expect(two.topics.size).toBe(0);
    expect(server.topics.length).toBe(0);
    two.subscribe('late');
    expect(server.topics.length).toBe(0);
    expect(() => one.subscribe('')).toThrow(TypeError);
  });

  it('send and publish to one connection keep their order', async () => {
    const { wsUrl, server, nextConnection } = await serveConnections({});
    const client = await connect(wsUrl);
    const ws = await nextConnection();
    ws.subscribe('t');
    ws.send('1');
    server.publish('t', '2');
    ws.send(new Blob(['3']));
    server.publish('t', '4');
    server.broadcast('5');
    expect((await client.take(5)).map(String)).toEqual(['1', '2', '3', '4', '5']);
  });
});
