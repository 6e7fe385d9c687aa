import { ConnectionHandler, WSSHandler, type WSMessageEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { run } from '../support/process.js';
import { describeWith } from '../support/requirement.js';

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
  },
);
