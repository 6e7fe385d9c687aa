import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { FixtureProcess } from '../support/fixture.js';
import { freePort } from '../support/free-port.js';
import { Random } from '../support/random.js';
import { clientFrame, connectRaw, handshakeHead, openSocket, RawClient } from '../support/raw-client.js';
import { judge } from '../support/rfc6455.js';
import { report } from './report.js';

interface Stats {
  opened: number;
  terminated: number;
  handled: number;
  problems: string[];
  errors: Record<string, number>;
  codes: Record<string, number>;
  connections: Record<string, number>;
}

const HANDLED_FILE = 'dist/handled.txt';

let server: FixtureProcess;
let ownPort: number;
beforeEach(async () => {
  rmSync(HANDLED_FILE, { force: true });
  ownPort = await freePort();
  server = await FixtureProcess.start('test/soak/fixture/server.ts', {
    env: { OWN_PORT: String(ownPort), HANDLED_FILE },
  });
});
afterEach(() => server.stop());

async function until(condition: (stats: Stats) => boolean): Promise<Stats> {
  for (;;) {
    const stats = await server.call<Stats>('stats');
    if (condition(stats)) return stats;
  }
}

it('1,000 handshakes byte by byte, stopped anywhere: no hook runs, the sockets go, others connect meanwhile', async () => {
  const COUNT = 1000;
  const head = handshakeHead('/');
  const random = new Random(1);
  const started = performance.now();
  const stopped = await Promise.all(
    Array.from({ length: COUNT }, async () => {
      const client = await openSocket(ownPort);
      const stop = random.below(head.length - 4);
      void (async () => {
        for (let index = 0; index < stop && !client.socket.destroyed; index++) {
          client.write(head[index]!);
          await new Promise(setImmediate);
        }
      })();
      return client;
    }),
  );
  const other = await connectRaw(ownPort, '/');
  other.write(clientFrame(1, 'x'));
  expect((await other.frame()).payload.toString()).toBe('served');
  await Promise.all(stopped.map(({ closed }) => closed));
  const seconds = (performance.now() - started) / 1000;
  const stats = await server.call<Stats>('stats');
  expect(stats).toMatchObject({ opened: 1, terminated: 0, problems: [] });
  report(
    '1,000 handshakes byte by byte, stopped anywhere',
    `no hook ran; all sockets gone after ${seconds.toFixed(1)} s; another client was served`,
  );
  other.socket.destroy();
});

/** A stream of frames that is valid, then spoilt (or not) somewhere. */
function mutatedStream(random: Random): Buffer {
  const frames: Buffer[] = [];
  const count = 1 + random.below(4);
  for (let index = 0; index < count; index++) {
    const mask = random.bytes(4);
    switch (random.below(16)) {
      case 0:
        frames.push(clientFrame(random.below(16), random.bytes(random.below(20)), { mask }));
        break;
      case 1:
        frames.push(clientFrame(1, 'x', { mask, rsv: random.below(8) }));
        break;
      case 2:
        frames.push(clientFrame(1, 'x', { masked: false }));
        break;
      case 3:
        frames.push(clientFrame(random.pick([8, 9, 10]), random.bytes(126), { mask }));
        break;
      case 4:
        frames.push(clientFrame(random.pick([8, 9, 10]), 'x', { mask, fin: false }));
        break;
      case 5:
        frames.push(clientFrame(0, 'x', { mask, fin: random.below(2) === 0 }));
        break;
      case 6:
        frames.push(clientFrame(1, random.bytes(1 + random.below(8)), { mask }));
        break;
      case 7: {
        const code = random.pick([
          0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1015, 2999, 3000, 4999, 5000, 65535,
        ]);
        frames.push(
          clientFrame(
            8,
            Buffer.concat([Buffer.from([code >> 8, code & 255]), random.bytes(random.below(3))]),
            { mask },
          ),
        );
        break;
      }
      case 8:
        frames.push(clientFrame(8, random.bytes(random.below(2)), { mask }));
        break;
      case 9:
        frames.push(clientFrame(2, random.bytes(4000 + random.below(300)), { mask }));
        break;
      case 10: {
        // A length that no one has, in eight bytes.
        const head = Buffer.from([0x82, 0xff, 0, 0, 0, random.below(2), 0, 0, random.below(64), 0]);
        frames.push(Buffer.concat([head, mask, random.bytes(8)]));
        break;
      }
      case 11: {
        const text = Buffer.from('héllo ✓ wörld');
        const cut = 1 + random.below(text.length - 1);
        frames.push(clientFrame(1, text.subarray(0, cut), { mask, fin: false }));
        if (random.below(2)) frames.push(clientFrame(9, 'between', { mask }));
        frames.push(
          clientFrame(random.pick([0, 0, 0, 1, 2]), text.subarray(cut), { mask, fin: random.below(4) > 0 }),
        );
        break;
      }
      default:
        frames.push(clientFrame(random.pick([1, 2, 9, 10]), 'valid', { mask }));
    }
  }
  const stream = Buffer.concat(frames);
  if (random.below(5) === 0) stream[random.below(stream.length)]! ^= 1 << random.below(8);
  return random.below(8) === 0 ? stream.subarray(0, random.below(stream.length)) : stream;
}

it('fuzz: 20,000 mutated frame streams end with the code that RFC 6455 asks for, or stay valid', async () => {
  const STREAMS = 20_000;
  const SEED = Number(process.env.SEED ?? 20261122);
  const random = new Random(SEED);
  const verdicts: Record<string, number> = {};
  const wrong: string[] = [];
  const play = async (stream: Buffer): Promise<void> => {
    const expected = judge(stream, 4096);
    const client = await connectRaw(server.port, '/fuzz');
    client.write(stream);
    let seen: string;
    if (expected.code !== undefined || expected.closedByClient) {
      seen = String(await client.closeCode().catch((error: Error) => error.message));
    } else {
      // The server has nothing to object to, and ends when the client does, without a close frame.
      client.socket.end();
      await client.closed;
      seen = closeCodeReceived(client) ?? 'valid';
    }
    const wanted =
      expected.code !== undefined ? String(expected.code) : expected.closedByClient ? 'undefined' : 'valid';
    verdicts[wanted] = (verdicts[wanted] ?? 0) + 1;
    if (seen !== wanted) wrong.push(`${stream.toString('hex').slice(0, 200)}: wanted ${wanted}, saw ${seen}`);
    client.socket.destroy();
  };
  for (let done = 0; done < STREAMS; done += 100) {
    await Promise.all(Array.from({ length: 100 }, () => play(mutatedStream(random))));
  }
  expect(wrong.slice(0, 10)).toEqual([]);
  const stats = await until(({ terminated }) => terminated >= STREAMS);
  expect(stats).toMatchObject({
    opened: STREAMS,
    terminated: STREAMS,
    problems: [],
    connections: { '/fuzz': 0 },
  });
  report(
    `fuzz: 20,000 mutated frame streams (seed ${SEED})`,
    `0 wrong; codes wanted and seen ${JSON.stringify(verdicts)}; ${stats.terminated} onTerminate`,
  );
});

/** The code of a close frame among what a client received; undefined if there is none. */
function closeCodeReceived(client: RawClient): string | undefined {
  const received = Buffer.concat(client.chunks);
  const body = received.subarray(received.indexOf('\r\n\r\n') + 4);
  for (let offset = 0; offset + 2 <= body.length;) {
    const length = body[offset + 1]! & 127;
    if ((body[offset]! & 15) === 8) return length < 2 ? 'undefined' : String(body.readUInt16BE(offset + 2));
    offset += 2 + length;
  }
  return undefined;
}

it('every hook failing in every way: the process lives, others are served, shutdown ends in time', async () => {
  const hooks = ['onConnection', 'onOpen', 'onMessage', 'onError', 'onTerminate'];
  const ways = ['throw', 'throwNull', 'reject', 'rejectNull', 'never'];
  const healthy = await connectRaw(server.port, '/echo');
  const clients: RawClient[] = [];
  for (const hook of hooks) {
    for (const how of ways) {
      const client = await openSocket(server.port);
      client.write(handshakeHead(`/failing?hook=${hook}&how=${how}`));
      const head = await client.head();
      expect(head).toMatch(
        hook !== 'onConnection' ? /^HTTP\/1.1 101/ : how === 'never' ? /^HTTP\/1.1 503/ : /^HTTP\/1.1 500/,
      );
      if (hook === 'onConnection') continue;
      // Not UTF-8, on a text server: what makes onError run, and then onTerminate.
      client.write(
        clientFrame(1, 'x'),
        hook === 'onError' ? clientFrame(2, Buffer.from([0xff])) : clientFrame(1, 'y'),
      );
      if (hook === 'onTerminate') client.write(clientFrame(8));
      clients.push(client);
      healthy.write(clientFrame(1, hook));
      expect((await healthy.frame()).payload.toString()).toBe(hook);
    }
  }
  const started = performance.now();
  healthy.socket.on('data', () => healthy.socket.end(clientFrame(8)));
  await server.call('close');
  const elapsed = performance.now() - started;
  expect(elapsed).toBeLessThan(2500);
  const stats = await server.call<Stats>('stats');
  expect(stats.problems).toEqual([]);
  report(
    'every hook throwing, rejecting, with null, never settling',
    `25 ways; another client was served all the while; shutdown took ${elapsed.toFixed(0)} ms (shutdownTimeout 1500)`,
  );
  for (const { socket } of clients) socket.destroy();
});

it('SIGTERM in the middle of a load: what was acknowledged was handled, everybody saw 1001, exit code 0', async () => {
  const COUNT = 200;
  const clients = await Promise.all(
    Array.from({ length: COUNT }, (_, index) => connectRaw(server.port, `/acknowledge?client=${index}`)),
  );
  const acknowledged: string[] = [];
  const codes: Record<string, number> = {};
  let stop = false;
  const loads = clients.map(async (client, index) => {
    const sending = (async () => {
      for (let number = 0; !stop && client.socket.writable; number++) {
        client.write(clientFrame(1, String(number)));
        if (number % 20 === 19) await delay(1);
      }
    })();
    for (;;) {
      const { opcode, payload } = await client.frame();
      if (opcode === 8) {
        const code = String(payload.readUInt16BE(0));
        codes[code] = (codes[code] ?? 0) + 1;
        if (client.socket.writable) client.socket.end(clientFrame(8, payload));
        break;
      }
      acknowledged.push(`${index}:${payload.toString()}`);
    }
    await sending;
  });
  await delay(1000);
  const started = performance.now();
  server.kill('SIGTERM');
  await Promise.all(loads);
  stop = true;
  const [code] = await server.exited;
  const elapsed = performance.now() - started;
  expect(code).toBe(0);
  expect(codes).toEqual({ 1001: COUNT });
  expect(acknowledged.length).toBeGreaterThan(COUNT);
  const handled = new Set(readFileSync(HANDLED_FILE, 'utf8').split('\n'));
  expect(acknowledged.filter((key) => !handled.has(key))).toEqual([]);
  expect(server.output).not.toMatch(/warning|rejection/i);
  report(
    'SIGTERM in the middle of a load of 200 clients',
    `${acknowledged.length} acknowledged, all handled; 200 of 200 saw 1001; exit code 0 after ${elapsed.toFixed(0)} ms`,
  );
});
