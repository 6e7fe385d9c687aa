/** Many clients at once, one client for long, and servers that are not ours. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import crossws from 'crossws/adapters/node';
import { FourDWebSocket } from 'nestjs-4d-websocket/client';
import { ClientLog } from '../support/client-log.js';
import { freePort } from '../support/free-port.js';
import { PlainServer } from '../support/plain-server.js';
import { TestProcess, run } from '../support/process.js';
import { describeWith } from '../support/requirement.js';

it('200 clients that are lost at once do not come back at once', async () => {
  const port = await freePort();
  const first = await PlainServer.start({ port });
  const logs = Array.from({ length: 200 }, () => new ClientLog());
  const clients = logs.map(
    ({ hooks }) => new FourDWebSocket(first.url, hooks, { reconnect: { minDelay: 500 } }),
  );
  await Promise.all(logs.map((log) => log.nth('open')));
  await first.kill();
  const arrivals: number[] = [];
  const second = await PlainServer.start({ port, serve: () => arrivals.push(performance.now()) });
  await Promise.all(logs.map((log) => log.nth('open', 2)));
  const delays = logs.map((log) => log.all('disconnect')[0]!.delay);
  const tenths = Array.from(
    { length: 10 },
    (_, index) => delays.filter((delay) => Math.min(9, Math.floor((delay - 500) / 50)) === index).length,
  );
  // Evenly over the half second, but for chance: 20 in each tenth of it.
  for (const count of tenths) expect(count).toBeGreaterThan(3);
  expect(Math.max(...tenths)).toBeLessThan(50);
  expect(arrivals.at(-1)! - arrivals[0]!).toBeGreaterThan(300);
  clients.forEach((client) => client.terminate());
  await Promise.all(logs.map((log) => log.nth('terminate')));
  await second.kill();
});

it('1,000 connections of one client leave nothing behind, and after terminate the process can exit', async () => {
  const source = `
    import { WebSocketServer } from 'ws';
    const { FourDWebSocket } = await import(process.env.CLIENT);
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (socket) => socket.send('bye', () => socket.close(1012)));
    server.on('listening', () => {
      let opened = 0;
      const heaps = [];
      const ws = new FourDWebSocket('ws://127.0.0.1:' + server.address().port, {
        onOpen() {
          if (++opened % 500 === 0) { gc(); heaps.push(process.memoryUsage().heapUsed); }
          if (opened === 1500) ws.terminate();
        },
        onTerminate() {
          server.close();
          console.log(JSON.stringify({ opened, heaps }));
        },
      }, { reconnect: { minDelay: 1, maxDelay: 1 } });
    });`;
  const bundle = 'dist/esm/client/node.js';
  const output = await run('node', ['--expose-gc', '--input-type=module', '-e', source], {
    env: { ...process.env, NODE_OPTIONS: '', CLIENT: new URL(bundle, `file://${process.cwd()}/`).href },
  });
  const { opened, heaps } = JSON.parse(output) as { opened: number; heaps: [number, number, number] };
  expect(opened).toBe(1500);
  expect(heaps[2] - heaps[0]).toBeLessThan(500_000);
}, 60_000);

it('talks to crossws', async () => {
  const { handleUpgrade, closeAll } = crossws({
    hooks: { message: (peer, message) => void peer.send(`crossws: ${message.text()}`) },
  });
  const http = createServer()
    .on('upgrade', (...upgrade) => void handleUpgrade(...upgrade))
    .listen(0, '127.0.0.1');
  await once(http, 'listening');
  const log = new ClientLog();
  const ws = new FourDWebSocket(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`, log.hooks, {
    // It chooses no sub-protocol.
    resume: false,
  });
  ws.send('hello');
  expect(await log.nth('message')).toMatchObject({ data: 'crossws: hello' });
  ws.terminate(1000, 'bye');
  expect(await log.nth('terminate')).toMatchObject({ code: 1000 });
  closeAll();
  http.close();
  http.closeAllConnections();
});

describeWith('python3', '/usr/lib/python3/dist-packages/websockets', 'a server in Python', () => {
  it('echoes, and is talked to again after it was restarted', async () => {
    const port = await freePort();
    const source = `
import asyncio, websockets
async def echo(ws, *_):
    async for message in ws:
        await ws.send(message)
async def main():
    async with websockets.serve(echo, '127.0.0.1', ${port}):
        print('ready', flush=True)
        await asyncio.Future()
asyncio.run(main())`;
    const start = async () => {
      const server = new TestProcess('/usr/bin/python3', ['-c', source]);
      await server.line(/^ready/);
      return server;
    };
    const first = await start();
    const log = new ClientLog();
    const ws = new FourDWebSocket(`ws://127.0.0.1:${port}`, log.hooks, {
      reconnect: { minDelay: 10, maxDelay: 50 },
      resume: false,
    });
    ws.send('one');
    expect(await log.nth('message')).toMatchObject({ data: 'one' });
    await first.stop('SIGKILL');
    await log.nth('disconnect');
    ws.send('two');
    const second = await start();
    expect(await log.nth('message', 2)).toMatchObject({ data: 'two' });
    ws.terminate();
    await log.nth('terminate');
    await second.stop('SIGKILL');
  });
});
