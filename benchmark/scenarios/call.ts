import { once } from 'node:events';
import type { Socket } from 'node:net';
import { clientFrame, closeAll, openConnections } from '../client.js';
import type { ServerProcess } from '../server-process.js';
import { joinSocketIo, SOCKET_IO_PATH } from '../socket.io-client.js';
import { measureWork, OURS, type Entry, type Measurement, type Scenario } from './measurement.js';

const CLIENTS = 50;
const WARM_UP_SECONDS = 0.5;
const SECONDS = 1.5;

/** The ids of calls, all equally long: far more than are in flight, so that none is used twice at once. */
const IDS = Array.from({ length: 90 }, (_, index) => index + 10);

/** How a contender's clients call. */
interface Protocol {
  path: string;
  /** The message of a call. */
  call(id: number): string;
  /** Makes a connection ready, where more than the handshake is needed. */
  prepare?: (socket: Socket) => Promise<void>;
}

const TEXT = 'x'.repeat(64);

const jsonRpc = (id: number): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method: 'echo', params: { text: TEXT } });

const SOCKET_IO: Protocol = {
  path: SOCKET_IO_PATH,
  call: (id) => `42${id}${JSON.stringify(['echo', { text: TEXT }])}`,
  prepare: joinSocketIo,
};

const TRPC: Protocol = {
  path: '/',
  call: (id) => JSON.stringify({ id, method: 'query', params: { path: 'echo', input: { text: TEXT } } }),
};

/** Makes one call, and sees that it is answered with what was sent. Returns the length of the answer's frame. */
async function answerLength(socket: Socket, { call }: Protocol): Promise<number> {
  socket.write(clientFrame(call(IDS[0]!)));
  socket.resume();
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  const text = answer.toString('latin1');
  if (!text.includes(`{"text":"${TEXT}"}`)) throw new Error(`not the answer to a call: ${text}`);
  return answer.length;
}

/** Keeps some calls of each client in flight, and counts the answers. */
async function callAll(
  sockets: readonly Socket[],
  { call }: Protocol,
  answerLength: number,
  inFlight: number,
  until: number,
): Promise<number> {
  const frames = IDS.map((id) => clientFrame(call(id)));
  const frameLength = frames[0]!.length;
  // Twice, so that calls that follow each other are one piece, wherever they begin.
  const ring = Buffer.concat([...frames, ...frames]);
  let answers = 0;
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve, reject) => {
          let received = 0;
          let waiting = inFlight;
          let next = 0;
          const send = (count: number): void => {
            socket.write(ring.subarray(next * frameLength, (next + count) * frameLength));
            next = (next + count) % IDS.length;
          };
          const onData = (chunk: Buffer): void => {
            received += chunk.length;
            const complete = Math.floor(received / answerLength);
            if (complete === 0) return;
            received -= complete * answerLength;
            answers += complete;
            if (performance.now() < until) {
              send(complete);
              return;
            }
            waiting -= complete;
            if (waiting > 0) return;
            socket.off('data', onData);
            socket.pause();
            if (received === 0) resolve();
            else reject(new Error('an answer was not as long as the first'));
          };
          socket.on('data', onData);
          socket.resume();
          send(inFlight);
        }),
    ),
  );
  return answers;
}

async function measureCalls(
  server: ServerProcess,
  protocol: Protocol,
  inFlight: number,
): Promise<Measurement> {
  const sockets = await openConnections(server.port, protocol.path, CLIENTS);
  for (const socket of sockets) await protocol.prepare?.(socket);
  const length = await answerLength(sockets[0]!, protocol);
  await callAll(sockets, protocol, length, inFlight, performance.now() + WARM_UP_SECONDS * 1000);
  const measurement = await measureWork([server], SECONDS, (until) =>
    callAll(sockets, protocol, length, inFlight, until),
  );
  await closeAll(sockets);
  return measurement;
}

const BY_HAND = 'this package, by hand';
const BY_HAND_ASYNC = `${BY_HAND}, async method`;
const OURS_ASYNC = `${OURS}, async method`;
const OTHERS = ['socket.io, emitWithAck', '@trpc/server', 'rpc-websockets'] as const;

function scenario(name: string, inFlight: number): Scenario {
  const entry = (title: string, contender: string, protocol: Protocol): Entry => ({
    name: title,
    contender,
    measure: (server) => measureCalls(server, protocol, inFlight),
  });
  const [socketIo, trpc, rpcWebSockets] = OTHERS;
  return {
    name,
    title: `A call with a zod schema, 50 clients, ${inFlight} in flight, 64 B`,
    unit: 'call',
    entries: [
      entry(BY_HAND, 'four-d-contract', { path: '/plain', call: jsonRpc }),
      entry(OURS, 'four-d-contract', { path: '/contract', call: jsonRpc }),
      entry(BY_HAND_ASYNC, 'four-d-contract', { path: '/plain-async', call: jsonRpc }),
      entry(OURS_ASYNC, 'four-d-contract', { path: '/contract-async', call: jsonRpc }),
      entry(socketIo, 'socket.io-call', SOCKET_IO),
      entry(trpc, 'trpc', TRPC),
      entry(rpcWebSockets, 'rpc-websockets', { path: '/', call: jsonRpc }),
    ],
    targets: [
      { what: 'CPU per call', of: OURS, against: BY_HAND, by: 'cost', most: 1.25 },
      ...OTHERS.map((against) => ({ what: 'CPU per call', of: OURS, against, by: 'cost' as const, most: 1 })),
    ],
  };
}

export const callScenarios: readonly Scenario[] = [scenario('call', 1), scenario('call-pipelined', 20)];
