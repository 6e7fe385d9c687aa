/** Lines at level debug of who came, who went and who was refused (reference 12.2). */
import { Logger, UnauthorizedException, type LoggerService } from '@nestjs/common';
import { WSSHandler, type WSConnectionEvent } from 'nestjs-4d-websocket';
import { closeApps, startApp } from '../support/app.js';
import { connect, connectRefused } from '../support/client.js';

const levels = Logger['logLevels' as never] as unknown;

afterEach(async () => {
  await closeApps();
  Logger.overrideLogger(false);
  Object.assign(Logger, { logLevels: levels });
});

@WSSHandler('/rooms/:room')
class Server {
  onConnection(_wss: unknown, { request }: WSConnectionEvent) {
    if (request.url.includes('refuse')) throw new UnauthorizedException(`No "token"\n{/rooms/:room} open 1`);
    return { onMessage: () => undefined };
  }
}

async function serve(debug: LoggerService['debug'] = undefined) {
  const lines: string[] = [];
  const logger: LoggerService = {
    log() {},
    warn() {},
    error() {},
    debug:
      debug ?? ((line: string, context: string) => void (context === 'WebSocketServer' && lines.push(line))),
  };
  const testApp = await startApp({ providers: [Server], logger });
  return { ...testApp, lines };
}

async function untilLines(lines: readonly string[], count: number): Promise<void> {
  while (lines.length < count) await new Promise(setImmediate);
}

it('tells of a connection and its end, and of those that are refused; nothing of a query, and no forged line', async () => {
  const { wsUrl, lines } = await serve();
  const client = await connect(`${wsUrl}/rooms/1?token=secret`);
  client.socket.close(3001, 'good\r\nbye\u2028');
  await client.closed;
  await connectRefused(`${wsUrl}/rooms/refuse?token=secret`);
  await connectRefused(`${wsUrl}/nowhere?token=secret`);
  await untilLines(lines, 4);
  expect(lines[0]).toMatch(/^\{\/rooms\/:room\} open \d+ from 127\.0\.0\.1$/);
  expect(lines[1]).toMatch(/^\{\/rooms\/:room\} close \d+ 3001 "good\\r\\nbye\\u2028" after 0\.\d s$/);
  expect(lines[2]).toBe(
    '{/rooms/:room} refused "/rooms/refuse" from 127.0.0.1: 401 "No \\"token\\"\\n{/rooms/:room} open 1"',
  );
  expect(lines[3]).toBe('rejected "/nowhere" from 127.0.0.1: 404 "Cannot GET /nowhere"');
  expect(lines.join('')).not.toContain('secret');
});

it('a flood is counted: no more than 50 lines a second', async () => {
  const { wsUrl, lines } = await serve();
  for (let round = 0; round < 8; round++)
    await Promise.all(Array.from({ length: 20 }, () => connectRefused(`${wsUrl}/rooms/refuse`)));
  const [most, beyond] = [lines.length, 160 - lines.length];
  expect(most).toBeLessThanOrEqual(100);
  expect(beyond).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await connectRefused(`${wsUrl}/rooms/refuse`);
  expect(lines.some((line) => /^\d+ more clients came, went or were refused$/.test(line))).toBe(true);
});

it('servers of another application are not told of; a logger that throws harms nobody', async () => {
  const one = await serve();
  const two = await serve();
  // There is one logger in a process: the last one's.
  await connect(`${one.wsUrl}/rooms/1`);
  await untilLines(two.lines, 1);
  expect(two.lines).toHaveLength(1);
  await closeApps();
  const { wsUrl } = await serve(() => {
    throw new Error('The log is full');
  });
  const client = await connect(`${wsUrl}/rooms/1`);
  client.socket.close();
  await client.closed;
});

it('is not there where the level is off', async () => {
  Logger.overrideLogger(['log', 'warn', 'error']);
  const { wsUrl } = await startApp({ providers: [Server] });
  const lines: string[] = [];
  const debug = (line: string) => void lines.push(line);
  Logger.overrideLogger({ log() {}, warn() {}, error() {}, debug });
  const client = await connect(`${wsUrl}/rooms/1`);
  client.socket.close();
  await client.closed;
  await connectRefused(`${wsUrl}/rooms/refuse`);
  expect(lines).toEqual([]);
});
