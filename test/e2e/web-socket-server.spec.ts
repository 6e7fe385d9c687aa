/** Reference 3: what a server, its connections and the registry promise. */
import { Injectable } from '@nestjs/common';
import {
  ConnectionHandler,
  WebSocketConnection,
  WebSocketServer,
  WebSocketServerRegistry,
  WSSHandler,
  type WSMessageEvent,
} from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { open, serve } from '../support/connection-app.js';
import { connect, connectRefused } from '../support/client.js';
import { Recorder } from '../support/recorder.js';

afterEach(closeApps);

describe('§3 WebSocketServer', () => {
  it('has connections, dataType, handler, path and terminated', async () => {
    @WSSHandler({ path: '/a/:b', dataType: 'blob' })
    class Server {
      onConnection() {
        return null;
      }
    }
    const { app } = await startApp({ providers: [Server] });
    const server = app.get(WebSocketServerRegistry).get(Server)!;
    expect(server.connections.length).toBe(0);
    expect(server.dataType).toBe('blob');
    expect(server.handler).toBe(app.get(Server));
    expect(server.path).toBe('/a/:b');
    expect(server.terminated).toBe(false);
  });

  it("dataType is 'text' by default; path is undefined when the server manages all connections", async () => {
    const { server, app } = await serve(() => undefined, {});
    expect(server.dataType).toBe('text');
    const pathless = app.get(WebSocketServerRegistry).create({ onConnection: () => null });
    expect(pathless.path).toBeUndefined();
  });

  it('terminate() closes every connection with 1001 and runs its onTerminate, then the server handler’s', async () => {
    const events: string[] = [];
    @ConnectionHandler()
    class Handler {
      onMessage() {}
      async onTerminate() {
        await new Promise(setImmediate);
        events.push('connection');
      }
    }
    @WSSHandler('/')
    class Server {
      onConnection() {
        return Handler;
      }
      onTerminate(_wss: WebSocketServer, event: object) {
        events.push('server');
        expect(event).toEqual({ type: 'terminate' });
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Server, Handler] });
    const server = app.get(WebSocketServerRegistry).get(Server)!;
    const clients = [await connect(wsUrl), await connect(wsUrl)];
    const terminated = server.terminate();
    expect(server.terminate()).toBe(terminated);
    expect(await connectRefused(wsUrl)).toMatchObject({ status: 503 });
    await terminated;
    expect(server.terminated).toBe(true);
    expect(await Promise.all(clients.map(({ closed }) => closed))).toEqual([
      { code: 1001, reason: '' },
      { code: 1001, reason: '' },
    ]);
    expect(events).toEqual(['connection', 'connection', 'server']);
    expect(app.get(WebSocketServerRegistry).get(Server)).toBeUndefined();
    expect(await connectRefused(wsUrl)).toMatchObject({ status: 404 });
  });

  it('terminated is true once no connection is left, so in the server’s onTerminate', async () => {
    const events = new Recorder();
    @WSSHandler('/')
    class Server {
      onConnection() {
        return { onMessage: () => undefined, onOpen: (ws: WebSocketConnection) => events.push('open', ws) };
      }
      onTerminate(wss: WebSocketServer) {
        events.push('terminate', wss.terminated, wss.connections.length);
      }
    }
    const { app, wsUrl } = await startApp({ providers: [Server] });
    const client = await connect(wsUrl);
    await events.next('open');
    const server = app.get(WebSocketServerRegistry).get(Server)!;
    const terminated = server.terminate();
    expect(server.terminated).toBe(false);
    await terminated;
    expect((await client.closed).code).toBe(1001);
    expect(await events.next('terminate')).toEqual([true, 0]);
  });

  it.each<[string, (server: WebSocketServer, message: never) => void]>([
    ['broadcast', (server, message) => server.broadcast(message)],
    ['publish', (server, message) => server.publish('topic', message)],
    ['sendTo', (server, message) => server.sendTo(1, message)],
  ])('%s throws a TypeError that names it for what can not be sent', async (method, call) => {
    const { server } = await open();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const message of [12, undefined, null, true, 10n, () => undefined, cycle, { id: 10n }]) {
      expect(() => call(server, message as never)).toThrow(TypeError);
      expect(() => call(server, message as never)).toThrow(new RegExp(`^WebSocketServer\\.${method}\\(\\)`));
    }
  });

  describe('3.1 connections', () => {
    it('at(index) counts from the first, or from the last', async () => {
      const { server, wsUrl, nextConnection } = await serve(() => undefined);
      const { connections } = server;
      expect([connections.at(0), connections.at(-1)]).toEqual([undefined, undefined]);
      const all: WebSocketConnection[] = [];
      for (let index = 0; index < 3; index++) {
        await connect(wsUrl);
        all.push(await nextConnection());
      }
      for (const index of [0, 1, 2, -1, -2, -3]) expect(connections.at(index)).toBe(all.at(index));
      for (const index of [3, -4, 100, NaN]) expect(connections.at(index)).toBe(all.at(index));
    });

    it('has the array methods with their meanings, length and get(id)', async () => {
      const { server, wsUrl, events } = await serve(() => undefined);
      const clients = [];
      for (let index = 0; index < 3; index++) {
        clients.push(await connect(wsUrl));
        await events.next('open');
      }
      const { connections } = server;
      const all = [...connections];
      expect(connections.length).toBe(3);
      expect(connections.get(all[1]!.id)).toBe(all[1]);
      expect(connections.get(-1)).toBeUndefined();
      expect(connections.filter((ws) => ws !== all[0])).toEqual([all[1], all[2]]);
      expect(connections.find((ws) => ws === all[2])).toBe(all[2]);
      expect(connections.find(() => false)).toBeUndefined();
      expect(connections.map((ws, index) => [ws.id, index])).toEqual(all.map((ws, index) => [ws.id, index]));
      const seen: [WebSocketConnection, number][] = [];
      connections.forEach((ws, index) => seen.push([ws, index]));
      expect(seen).toEqual(all.map((ws, index) => [ws, index]));
      expect(connections.some((ws) => ws === all[1])).toBe(true);
      expect(connections.some(() => false)).toBe(false);
      expect(connections.every((ws) => ws.wss === server)).toBe(true);
      expect(connections.every((ws) => ws === all[0])).toBe(false);
    });

    it('has a connection from before its onOpen until it is closed; it is out before onTerminate', async () => {
      const inside: boolean[] = [];
      @ConnectionHandler({ path: '/' })
      class Handler {
        onOpen(ws: WebSocketConnection) {
          inside.push([...ws.wss.connections].includes(ws));
        }
        onMessage() {}
        onTerminate(ws: WebSocketConnection) {
          inside.push(ws.wss.connections.get(ws.id) === ws);
          done();
        }
      }
      let done = (): void => undefined;
      const terminated = new Promise<void>((resolve) => (done = resolve));
      const { wsUrl } = await startApp({ providers: [Handler] });
      await (await connect(wsUrl)).close();
      await terminated;
      expect(inside).toEqual([true, false]);
    });

    it('may be iterated while connections come and go', async () => {
      const { server, wsUrl, events } = await serve(() => undefined);
      for (let index = 0; index < 4; index++) {
        await connect(wsUrl);
        await events.next('open');
      }
      for (const ws of server.connections) {
        ws.terminate();
        await events.next('terminate');
      }
      expect(server.connections.length).toBe(0);
    });
  });

  describe('3.2 WebSocketServerRegistry', () => {
    @ConnectionHandler()
    class Echo {
      onMessage(_ws: WebSocketConnection, { data }: WSMessageEvent<string>) {
        return data;
      }
    }
    @Injectable()
    class Undecorated {
      onConnection() {
        return Echo;
      }
    }
    @WSSHandler('/declared')
    class Declared {
      onConnection() {
        return Echo;
      }
    }

    it('gets a server by its path and by its handler class, and iterates over all', async () => {
      const { app } = await startApp({ providers: [Declared, Echo] });
      const registry = app.get(WebSocketServerRegistry);
      const server = registry.get('/declared');
      expect(server).toBeInstanceOf(WebSocketServer);
      expect(registry.get(Declared)).toBe(server);
      expect(registry.get('/none')).toBeUndefined();
      expect([...registry]).toEqual([server]);
    });

    it('creates a server at run time from a class, decorated or not, or an instance', async () => {
      const { app, wsUrl } = await startApp({ providers: [Undecorated, Declared, Echo] });
      const registry = app.get(WebSocketServerRegistry);
      registry.create(Undecorated, { path: '/a' });
      registry.create(Declared, { path: '/b' });
      registry.create(new Undecorated(), { path: '/c' });
      const created = registry.create({ onConnection: () => ({ onMessage: () => 'plain' }) }, { path: '/d' });
      for (const [path, reply] of [
        ['/a', 'x'],
        ['/b', 'x'],
        ['/c', 'x'],
        ['/d', 'plain'],
      ]) {
        const client = await connect(wsUrl + path);
        client.send('x');
        expect(await client.next()).toBe(reply);
      }
      expect(created.connections.length).toBe(1);
      expect([...registry]).toHaveLength(5);
    });

    it('runs onOpen of a server that is created while the HTTP server listens', async () => {
      const { app } = await startApp({ providers: [] });
      const opened = await new Promise((resolve) => {
        app.get(WebSocketServerRegistry).create({
          onConnection: () => null,
          onOpen: (wss: WebSocketServer, event: object) => resolve([wss, event]),
        });
      });
      expect(opened).toEqual([expect.any(WebSocketServer), { type: 'open' }]);
    });

    it('refuses what is no handler, and a path that is taken', async () => {
      const { app } = await startApp({ providers: [Declared, Echo] });
      const registry = app.get(WebSocketServerRegistry);
      class Unknown {}
      expect(() => registry.create(Unknown)).toThrow(/Unknown: .*provides/);
      expect(() => registry.create({})).toThrow(/onConnection/);
      expect(() => registry.create(new Undecorated(), { path: 'declared/' })).toThrow(
        /Undecorated: Declared serves the path \/declared .* another path/,
      );
    });
  });
});
