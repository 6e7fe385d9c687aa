/** reference 17: messages, calls, streams and asks, in every way in which a message can reach a handler. */
import { ForbiddenException, Inject, type Type } from '@nestjs/common';
import { ConnectedSocket, MessageBody } from '@nestjs/websockets';
import { ConnectionHandler, WSSHandler, type ConnectionOf, type WSErrorEvent } from 'nestjs-4d-websocket';
import { FourDWebSocket, type ContractClientHandler } from 'nestjs-4d-websocket/client';
import { of } from 'rxjs';
import { startApp } from '../../support/app.js';
import { selfSigned } from '../../support/certificate.js';
import { chat } from '../../support/chat-contract.js';
import { connect } from '../../support/client.js';
import { deferred } from '../../support/deferred.js';
import { freePort } from '../../support/free-port.js';
import { PLAIN, REQUEST_SCOPED, RequestScoped } from '../../support/ways/forms.js';
import { WAYS, type Way } from '../../support/ways/ways.js';

type Connection = ConnectionOf<typeof chat>;

const MEMBERS = ['say', 'number', 'whoIsHere', 'double', 'wait', 'again', 'leave', 'askMe', 'count', 'ticks'];

/** What the server did. */
let events: unknown[] = [];

class Served {
  say(ws: Connection, { text }: { text: string }): void {
    if (text === 'fail') throw new Error('secret');
    ws.send(chat.said({ from: 'server', text }));
  }
  double(_ws: Connection, value: number): number {
    if (value === 13) throw new ForbiddenException('not thirteen');
    return 2 * value;
  }
  askMe(ws: Connection, { text }: { text: string }): Promise<boolean> {
    return ws.call(chat.confirm({ text }));
  }
  async *count(_ws: Connection, { to }: { to: number }): AsyncGenerator<number> {
    for (let n = 1; n <= to; n++) yield n;
  }
  ticks() {
    return of(1, 2, 3);
  }
  number() {}
  whoIsHere() {
    return [];
  }
  wait() {
    return 'waited';
  }
  again() {
    return 1;
  }
  leave() {}
  onError(_ws: Connection, { errors: [{ message }] }: WSErrorEvent): void {
    events.push(message);
  }
}

/** A class of handlers, written as the way says. */
function handlerClass({ form = PLAIN }: Way): Type<object> {
  if (form === REQUEST_SCOPED) {
    class Scoped extends Served {
      constructor(@Inject(RequestScoped) readonly scoped: RequestScoped) {
        super();
      }
    }
    return Scoped;
  }
  if (!form.bound) return class Plain extends Served {};
  class Bound {
    readonly #served = new Served();
    say(@MessageBody('text') text: string, @ConnectedSocket() ws: Connection) {
      return this.#served.say(ws, { text });
    }
    double(@MessageBody() value: number, @ConnectedSocket() ws: Connection) {
      return this.#served.double(ws, value);
    }
    askMe(@MessageBody() data: { text: string }, @ConnectedSocket() ws: Connection) {
      return this.#served.askMe(ws, data);
    }
    count(@ConnectedSocket() ws: Connection, @MessageBody() data: { to: number }) {
      return this.#served.count(ws, data);
    }
    ticks() {
      return this.#served.ticks();
    }
    number() {}
    whoIsHere() {}
    wait() {}
    again() {}
    leave() {}
    onError(ws: Connection, event: WSErrorEvent) {
      this.#served.onError(ws, event);
    }
  }
  return Bound;
}

async function start(way: Way) {
  const { scope, onClass, onMethod, provide = (type) => type, shorthand } = way;
  const port = way.ownPort ? await freePort() : undefined;
  const Handler = handlerClass(way);
  const options = { path: '/', port, ...(way.compressed && { perMessageDeflate: { threshold: 0 } }) };
  for (const name of onMethod ? MEMBERS : []) {
    const own = Object.getOwnPropertyDescriptor(Handler.prototype, name);
    if (own === undefined) {
      // Enhancers of a method are kept on the function: it gets one of its own.
      const inherited = Served.prototype[name as 'say'] as (...args: unknown[]) => unknown;
      Object.defineProperty(Handler.prototype, name, {
        configurable: true,
        writable: true,
        value(this: object, ws: unknown, data: unknown, signal: unknown) {
          return Reflect.apply(inherited, this, [ws, data, signal]);
        },
      });
    }
    Reflect.decorate(
      [onMethod!],
      Handler.prototype as object,
      name,
      Object.getOwnPropertyDescriptor(Handler.prototype, name)!,
    );
  }
  Reflect.decorate(
    [...(onClass ? [onClass] : []), ConnectionHandler({ contract: chat, scope, ...(shorthand && options) })],
    Handler,
  );
  @WSSHandler({ ...options, dataType: 'object' })
  class Server {
    onConnection() {
      return Handler;
    }
  }
  const app = await startApp({
    platform: way.platform,
    https: way.https ? await selfSigned() : undefined,
    configure: (made) => void way.configure?.(made),
    providers: [RequestScoped, ...(way.providers ?? []), provide(Handler), ...(shorthand ? [] : [Server])],
  });
  return { app, url: `${way.https ? 'wss' : 'ws'}://127.0.0.1:${port ?? app.port}/` };
}

/**
 * An object that onConnection made itself is of no decorated class, and so has no contract. Our client takes no certificate that
 * was made for this run: over TLS it is one of others, below.
 */
const CONTRACT_WAYS = WAYS.filter(({ object, https }) => !object && !https);

describe.each(CONTRACT_WAYS)('17 contract: $name', (way) => {
  let served: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    events = [];
    served = await start(way);
  });
  afterAll(() => served.app.close());

  it('a message, a call, one that fails, streams and an ask', async () => {
    const said = deferred<unknown>();
    const handler: ContractClientHandler<typeof chat> = {
      said: (_ws, data) => said.resolve(data),
      confirm: (_ws, { text }) => text === 'sure?',
    };
    const ws = new FourDWebSocket(served.url, handler, { contract: chat });
    try {
      ws.send(chat.say({ text: 'hi' }));
      expect(await said.promise).toEqual({ from: 'server', text: 'hi' });
      expect(await ws.call(chat.double(21))).toBe(42);
      await expect(ws.call(chat.double(13))).rejects.toMatchObject({ code: 403, message: 'not thirteen' });
      await expect(ws.call(chat.double('x' as never))).rejects.toMatchObject({ code: -32602 });
      for (const [message, count] of [
        [chat.count({ to: 100 }), 100],
        [chat.ticks({ every: 1 }), 3],
      ] as const) {
        const items: number[] = [];
        for await (const item of ws.stream(message)) items.push(item);
        expect(items).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      }
      expect(await ws.call(chat.askMe({ text: 'sure?' }))).toBe(true);
      expect(await ws.call(chat.askMe({ text: 'really?' }))).toBe(false);
      ws.send(chat.say({ text: 'fail' }));
      expect(await ws.call(chat.double(2))).toBe(4);
      expect(events).toEqual(['secret']);
    } finally {
      ws.terminate();
    }
  });
});

describe.each(WAYS.filter(({ https }) => https))('17 contract: $name', (way) => {
  it('a message, a call, one that fails, a stream and an ask, by hand', async () => {
    events = [];
    const { app, url } = await start(way);
    const client = await connect(url, { rejectUnauthorized: false });
    const next = async () => JSON.parse(String(await client.next())) as unknown;
    const send = (message: object) => client.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
    send({ method: 'say', params: { text: 'hi' } });
    expect(await next()).toEqual({ jsonrpc: '2.0', method: 'said', params: { from: 'server', text: 'hi' } });
    send({ id: 1, method: 'double', params: [21] });
    expect(await next()).toEqual({ jsonrpc: '2.0', id: 1, result: 42 });
    send({ id: 2, method: 'double', params: [13] });
    expect(await next()).toMatchObject({ id: 2, error: { code: 403, message: 'not thirteen' } });
    send({ id: 3, method: 'count', params: { to: 1 } });
    expect(await next()).toMatchObject({ method: 'rpc.item', params: { id: 3, item: 1 } });
    expect(await next()).toMatchObject({ id: 3, result: null });
    send({ id: 4, method: 'askMe', params: { text: 'sure?' } });
    const { id } = (await next()) as { id: number };
    send({ id, result: true });
    expect(await next()).toEqual({ jsonrpc: '2.0', id: 4, result: true });
    await client.close(1000);
    await app.close();
  });
});
