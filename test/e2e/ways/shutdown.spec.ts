import type { WebSocketConnection, WSTerminateEvent } from 'nestjs-4d-websocket';
import { deferred } from '../../support/deferred.js';
import { Recorder } from '../../support/recorder.js';
import { until } from '../../support/patience.js';
import { turns } from '../../support/turns.js';
import { startWay } from '../../support/ways/way-app.js';
import { WAYS } from '../../support/ways/ways.js';

describe('13 shutdown', () => {
  it.each(WAYS)(
    '$name: what was received is handled and answered before 1001; onTerminate ends while dependencies live',
    async (way) => {
      const app = await startWay(way);
      const events = new Recorder();
      const [gate, opened] = [deferred<void>(), deferred<WebSocketConnection>()];
      const client = await app
        .serve({
          onOpen: opened.resolve,
          async onMessage(_ws, data) {
            events.push(`${data} begins`);
            await gate.promise;
            await turns(2);
            events.push(`${data} ends`);
            return `reply to ${data}`;
          },
          async onTerminate(_ws, { code }: WSTerminateEvent) {
            events.push('terminate begins');
            await turns(10);
            events.push(
              `terminate ends: ${code}, dependencies are ${app.dependency.alive ? 'alive' : 'gone'}`,
            );
          },
        })
        .connect();
      const { socket } = (await opened.promise).request.raw;
      await Promise.all(['1', '2', '3'].map((message) => client.sent(message)));
      await events.next('1 begins');
      // All that the client has written is read: "received", decompressed or not. TLS counts its own bytes beside.
      const { bytesWritten } = client.transport;
      await until(() => socket.bytesRead >= bytesWritten);
      const closed = app.shutdown();
      await turns(5);
      gate.resolve();
      expect(await client.take(3)).toEqual(['reply to 1', 'reply to 2', 'reply to 3']);
      expect(await client.closed).toEqual({ code: 1001, reason: '' });
      await closed;
      expect(events.order).toEqual([
        ...['1', '2', '3'].flatMap((message) => [`${message} begins`, `${message} ends`]),
        'terminate begins',
        'terminate ends: 1001, dependencies are alive',
      ]);
      expect(app.dependency.alive).toBe(false);
    },
  );
});
