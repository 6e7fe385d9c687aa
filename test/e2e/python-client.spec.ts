import { ConnectionHandler, WSSHandler, type WSMessageEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { run, TestProcess } from '../support/process.js';
import { describeWith } from '../support/requirement.js';
import { ResumingServer } from '../support/resuming-server.js';

afterEach(closeApps);

describeWith(
  'python3-websockets',
  '/usr/lib/python3/dist-packages/websockets',
  'Python’s websockets as the client',
  () => {
    it('speaks with us: text, long and fragmented messages, ping, compression, close codes, refusals', async () => {
      const closes: object[] = [];
      @ConnectionHandler({ path: '/echo', perMessageDeflate: true })
      class Echo {
        onMessage(_ws: unknown, { data }: WSMessageEvent<string>) {
          return data;
        }
        onTerminate(_ws: unknown, event: object) {
          closes.push(event);
        }
      }
      @WSSHandler('/refused')
      class Refuses {
        onConnection() {
          return null;
        }
      }
      const { wsUrl } = await startApp({ providers: [Echo, Refuses] });
      const output = await run('/usr/bin/python3', ['test/e2e/python_client.py', wsUrl]);
      expect(JSON.parse(output)).toEqual({
        text: 'héllo ✓',
        long: 200_000,
        fragments: 'fragmented',
        pong: true,
        close: [4001, 'bye'],
        extensions: ['permessage-deflate'],
        compressed: 10_000,
        refused: 403,
      });
      expect(closes[0]).toEqual({ type: 'terminate', code: 4001, reason: 'bye' });
    });

    it('of a page resumes: what it missed while its line was cut it gets, once and in order', async () => {
      const server = await ResumingServer.start({
        remembers: 10,
        joined(peer) {
          peer.send(undefined, 'wélcome');
          server.subscribe(peer, 'news', 'tab\t"é"');
        },
      });
      const client = new TestProcess('/usr/bin/python3', ['test/e2e/resuming_client.py', server.url]);
      try {
        const first = await server.peer(1);
        let count = 0;
        for (let round = 1; round <= 5; round++) {
          server.publish('news', `${++count}`);
          if (round === 3) server.unsubscribe([...server.peers][0]!, 'tab\t"é"');
          await client.line(new RegExp(`"news", "${count}"`));
          server.cut();
          await server.until(() => server.peers.size === 0);
          server.publish('news', `${++count}`);
          server.publish('news', 'its own', [first.id]);
          server.publish('news', Buffer.from(`${++count}`));
          const peer = await server.peer(round + 1);
          expect(peer.ids).toEqual(Array.from({ length: round }, (_, index) => index + 1));
          expect(peer.positions.map(([topic]) => topic)).toEqual(
            round === 3 ? ['news'] : ['news', 'tab\t"é"'],
          );
        }
        for (let index = 0; index < 20; index++) server.publish('news', `${++count}`);
        await client.line(new RegExp(`"news", "${count}"`));
        client.write('ünd zurück');
        const last = await server.peer(6);
        await server.until(() => last.received.length === 1);
        expect(last.received).toEqual(['ünd zurück']);
        const events = client.output.split('\n').map((line) => JSON.parse(line) as [string, ...any[]]);
        const news = events.filter(([type, topic]) => type === 'message' && topic === 'news');
        expect(
          news.map(([, , data]) => Number(typeof data === 'string' ? data : Buffer.from(data.hex, 'hex'))),
        ).toEqual(Array.from({ length: count }, (_, index) => index + 1));
        expect(events.filter(([type]) => type === 'resume').map(([, topics]) => topics.news)).toEqual(
          Array.from({ length: 5 }, () => [true, 0]),
        );
        expect(events).toContainEqual(['message', null, 'wélcome']);
      } finally {
        await client.stop();
        await server.kill();
      }
    });
  },
);
