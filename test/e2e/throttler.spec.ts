import { connect, connectRefused } from '../support/client.js';
import { FixtureProcess } from '../support/fixture.js';

let server: FixtureProcess;
beforeAll(async () => {
  server = await FixtureProcess.start('test/e2e/fixture/throttler.ts');
});
afterAll(() => server.stop());

/** Options of a client that a proxy says has this address. */
const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
const messages = ['1', '2', '3', '4'];
const answers = ['1', '2', '3', '{"errCode":429}'];

it('@nestjs/throttler limits messages: the fourth in a minute is an error 429', async () => {
  const client = await connect(server.url, from('192.0.2.1'));
  for (const message of messages) client.send(message);
  expect(await client.take(4)).toEqual(answers);
});

it('clients are counted apart by their addresses, those of one address together', async () => {
  const client = await connect(server.url, from('192.0.2.2'));
  for (const message of messages) client.send(message);
  expect(await client.take(4)).toEqual(answers);
  const other = await connect(server.url, from('192.0.2.3'));
  for (const message of messages) other.send(message);
  expect(await other.take(4)).toEqual(answers);
  const neighbour = await connect(server.url, from('192.0.2.2'));
  neighbour.send('1');
  expect(await neighbour.next()).toBe('{"errCode":429}');
});

it('it limits handshakes: the third in a minute is refused with 429', async () => {
  for (let index = 0; index < 2; index++) await connect(`${server.url}/rare`, from('192.0.2.4'));
  expect(await connectRefused(`${server.url}/rare`, from('192.0.2.4'))).toMatchObject({
    status: 429,
    headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
  });
  await connect(`${server.url}/rare`, from('192.0.2.5'));
});
