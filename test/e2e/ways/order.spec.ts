import type { WebSocketConnection, WSTerminateEvent } from 'nestjs-4d-websocket';
import { Subject } from 'rxjs';
import { deferred } from '../../support/deferred.js';
import { Recorder } from '../../support/recorder.js';
import { quiet, turns } from '../../support/turns.js';
import type { Behaviour } from '../../support/ways/behaviour.js';
import { startWay, type WayApp } from '../../support/ways/way-app.js';
import { WAYS } from '../../support/ways/ways.js';

/** A behaviour whose messages take until the test lets them go, and what happened so far. */
function gated() {
  const events = new Recorder();
  const gates = new Map<string, ReturnType<typeof deferred<void>>>();
  const gate = (name: string) => {
    if (!gates.has(name)) gates.set(name, deferred());
    return gates.get(name)!;
  };
  const step = async (name: string) => {
    events.push(`${name} begins`);
    await gate(name).promise;
    events.push(`${name} ends`);
  };
  let ws: WebSocketConnection;
  const behaviour: Behaviour = {
    onOpen(opened) {
      ws = opened;
      return step('open');
    },
    async onMessage(_ws, data) {
      await step(data);
      return data;
    },
    async onTerminate(_ws, { code }: WSTerminateEvent) {
      events.push('terminate begins');
      await turns(3);
      events.push('terminate', code);
    },
  };
  return {
    behaviour,
    events,
    step,
    release: (...names: string[]) => names.forEach((name) => gate(name).resolve()),
    /** Waits until the server has read all that was sent, and done with it what it could. */
    settled: () => quiet(() => `${ws.request.raw.socket.bytesRead} ${ws.status} ${events.order.length}`),
  };
}

const lives = (...names: string[]) => names.flatMap((name) => [`${name} begins`, `${name} ends`]);

describe.each(WAYS)('6.1 order: $name', (way) => {
  let app: WayApp;
  beforeAll(async () => {
    app = await startWay(way);
  });
  afterAll(() => app.close());

  it('messages sent together are served one at a time, and answered in order', async () => {
    const { behaviour, events, release, settled } = gated();
    release('open');
    const client = await app.serve(behaviour).connect();
    for (const message of ['1', '2', '3']) client.send(message);
    await events.next('1 begins');
    await settled();
    for (const message of ['3', '2', '1']) {
      release(message);
      await turns(5);
    }
    expect(await client.take(3)).toEqual(['1', '2', '3']);
    expect(events.order).toEqual(lives('open', '1', '2', '3'));
    await client.close();
  });

  it('a client that talks before onConnection and onOpen are done loses nothing, and is served after them', async () => {
    const { behaviour, events, release, step } = gated();
    const asks = !way.shorthand;
    const served = app.serve({ ...behaviour, onConnection: () => step('connection') });
    const client = await served.openRaw();
    client.write(served.handshake(), served.frame('1'), served.frame('2'));
    if (asks) {
      await events.next('connection begins');
      client.write(served.frame('3'));
      await turns(5);
      release('connection');
    } else {
      client.write(served.frame('3'));
    }
    await events.next('open begins');
    client.write(served.frame('4'));
    await client.head();
    release('1', '2', '3', '4');
    await turns(5);
    release('open');
    expect(await served.take(client, 4)).toEqual(['1', '2', '3', '4']);
    expect(events.order).toEqual(lives(...(asks ? ['connection'] : []), 'open', '1', '2', '3', '4'));
    client.socket.destroy();
  });

  it('what came before the client closed, while onOpen ran, is handled before onTerminate', async () => {
    const { behaviour, events, release, settled } = gated();
    const client = await app.serve(behaviour).connect();
    for (const message of ['1', '2', '3']) client.send(message);
    await events.next('open begins');
    client.socket.close(4001);
    await settled();
    release('1', '2', '3');
    release('open');
    expect(await events.next('terminate')).toEqual([4001]);
    expect(events.order).toEqual([...lives('open', '1', '2', '3'), 'terminate begins', 'terminate']);
  });

  it.each(['closes', 'is gone'])(
    'a client that %s: onTerminate runs once, and last, after the message being served',
    async (how) => {
      const { behaviour, events, release, settled } = gated();
      release('open');
      const client = await app.serve(behaviour).connect();
      for (const message of ['1', '2']) client.send(message);
      await events.next('1 begins');
      await settled();
      if (how === 'closes') client.socket.close(4001);
      else client.socket.terminate();
      await client.closed;
      await settled();
      expect(events.order).toEqual([...lives('open'), '1 begins']);
      release('1', '2');
      expect(await events.next('terminate')).toEqual([how === 'closes' ? 4001 : 1006]);
      await turns(20);
      expect(events.order).toEqual([...lives('open', '1', '2'), 'terminate begins', 'terminate']);
    },
  );

  it('only a stream that the handler returned goes on beside the next message', async () => {
    const values = new Subject<string>();
    const events = new Recorder();
    const client = await app
      .serve({
        onMessage(_ws, data) {
          if (data !== 'stream') return data;
          events.push('stream');
          return values;
        },
      })
      .connect();
    client.send('stream');
    client.send('next');
    await events.next('stream');
    expect(await client.next()).toBe('next');
    values.next('1');
    expect(await client.next()).toBe('1');
    client.send('again');
    expect(await client.next()).toBe('again');
    values.next('2');
    values.complete();
    expect(await client.next()).toBe('2');
    await client.close();
  });

  it('connections never wait for each other', async () => {
    const { behaviour, events, release } = gated();
    release('open', 'fast');
    const served = app.serve(behaviour);
    const [slow, fast] = [await served.connect(), await served.connect()];
    slow.send('slow');
    await events.next('slow begins');
    fast.send('fast');
    expect(await fast.next()).toBe('fast');
    release('slow');
    expect(await slow.next()).toBe('slow');
    await Promise.all([slow.close(), fast.close()]);
  });
});
