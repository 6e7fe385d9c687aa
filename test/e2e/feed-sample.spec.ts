import { connect } from '../support/client.js';
import { freePort } from '../support/free-port.js';
import { PlainServer } from '../support/plain-server.js';
import { TestProcess } from '../support/process.js';

let sample: TestProcess;
const start = async (env: NodeJS.ProcessEnv) => {
  const port = await freePort();
  sample = new TestProcess('node', ['dist/sample/feed/main.js'], {
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', PORT: String(port), ...env },
  });
  await sample.line(/^Connect to ws/);
  return `ws://localhost:${port}/prices`;
};
const price = async (client: Awaited<ReturnType<typeof connect>>) =>
  JSON.parse(String(await client.next())) as { symbol: string; price: number };

it('prices of the exchange come to all visitors, the latest at once', async () => {
  const url = await start({ EXCHANGE_PORT: String(await freePort()), EVERY: '50' });
  await sample.line(/\[QuoteClient\] Connected to ws/);
  const [one, two] = [await connect(url), await connect(url)];
  const symbols = new Set<string>();
  while (symbols.size < 2) symbols.add((await price(one)).symbol);
  expect([...symbols].sort()).toEqual(['4D', 'NEST']);
  expect((await price(two)).price).toBeGreaterThan(0);
  expect(sample.output).not.toMatch(/WARN|ERROR/);
  expect(await sample.stop()).toBe(0);
});

it("nonsense of somebody else's exchange is not handed on; when it is lost it is had again", async () => {
  const exchange = await PlainServer.start({
    serve: (socket) =>
      socket.on('message', () => {
        socket.send('{"symbol":"NEST","price":-1}');
        socket.send('{"symbol":"NEST","price":1}');
      }),
  });
  const url = await start({ QUOTES_URL: exchange.url });
  await exchange.until(() => exchange.received.length === 2);
  const visitor = await connect(url);
  expect(await price(visitor)).toEqual({ symbol: 'NEST', price: 1 });
  await sample.line(/\[WebSocketClient\] QuoteClient: Bad Request Exception \(user 400\)/);
  for (const client of exchange.clients) client.terminate();
  await sample.line(/\[QuoteClient\] Lost the exchange \(1006\)/);
  await sample.line(/\[QuoteClient\] Connected again/);
  expect(await sample.stop()).toBe(0);
  await exchange.kill();
});
