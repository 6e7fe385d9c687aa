import { connect } from '../support/client.js';
import { FixtureProcess } from '../support/fixture.js';

it('@nestjs/throttler limits messages: the fourth in a minute is an error 429', async () => {
  const server = await FixtureProcess.start('test/e2e/fixture/throttler.ts');
  try {
    const client = await connect(server.url);
    for (const message of ['1', '2', '3', '4']) client.send(message);
    expect(await client.take(4)).toEqual(['1', '2', '3', '{"errCode":429}']);
  } finally {
    await server.stop();
  }
});
