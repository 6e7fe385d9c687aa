import { deepStrictEqual } from 'node:assert';
import {
  Injectable,
  type LoggerService,
  type OnModuleDestroy,
  type Provider,
  type Type,
} from '@nestjs/common';
import { WebSocket } from 'ws';
import { ConnectionHandler, WSSHandler, type ServerOptions } from 'nestjs-4d-websocket';
import { startApp, type TestApp, type TestAppOptions } from '../app.js';
import { selfSigned } from '../certificate.js';
import { connect, connectRefused, type Refused, type TestClient } from '../client.js';
import { freePort } from '../free-port.js';
import {
  clientFrame,
  compressedFrame,
  COMPRESSION_OFFER,
  handshakeHead,
  openSocket,
  textOf,
  type RawClient,
} from '../raw-client.js';
import { register, type Behaviour } from './behaviour.js';
import { PLAIN, RequestScoped } from './forms.js';
import type { Way } from './ways.js';

/** One server of an application: its options, and what a test puts around its hooks beside the way's own. */
export interface WayServer extends ServerOptions {
  onConnection?: MethodDecorator[];
  onMessage?: MethodDecorator[];
  onHandlerClass?: ClassDecorator[];
  onServerClass?: ClassDecorator[];
}

/** What handlers depend on, and what is destroyed with the application. */
@Injectable()
export class Dependency implements OnModuleDestroy {
  alive = true;
  onModuleDestroy() {
    this.alive = false;
  }
}

let certificate: Promise<{ key: Buffer; cert: Buffer }> | undefined;

/** The options of an application whose servers are reached by a way; each server has a path. */
export async function wayAppOptions(
  way: Way,
  servers: Record<string, WayServer> = { '/': {} },
): Promise<{ port: number | undefined; options: TestAppOptions }> {
  const port = way.ownPort ? await freePort() : undefined;
  const options: TestAppOptions = {
    platform: way.platform,
    https: way.https ? await (certificate ??= selfSigned()) : undefined,
    configure: (app) => void way.configure?.(app),
    providers: [
      Dependency,
      RequestScoped,
      ...(way.providers ?? []),
      ...Object.entries(servers).flatMap(([path, server]) => providersOf(way, { path, port, ...server })),
    ],
  };
  return { port, options };
}

/** Starts an application whose servers are reached by a way. */
export async function startWay(
  way: Way,
  servers?: Record<string, WayServer>,
  logger?: LoggerService,
): Promise<WayApp> {
  const { options, port } = await wayAppOptions(way, servers);
  const testApp = await startApp({ ...options, logger });
  return new WayApp(way, testApp, port ?? testApp.port);
}

function providersOf(
  way: Way,
  { onConnection = [], onMessage = [], onHandlerClass = [], onServerClass = [], ...options }: WayServer,
): Provider[] {
  const { form = PLAIN, scope, provide = (type) => type, onClass, onMethod } = way;
  const serverOptions: ServerOptions = {
    ...options,
    ...(way.compressed && { perMessageDeflate: { threshold: 0 } }),
  };
  const decorate = (
    type: Type<object>,
    ofClass: ClassDecorator[],
    method: string,
    ofMethod: MethodDecorator[],
  ) => {
    Reflect.decorate(onClass ? [...ofClass, onClass] : ofClass, type);
    const descriptor = Object.getOwnPropertyDescriptor(type.prototype, method)!;
    Reflect.decorate(
      onMethod ? [...ofMethod, onMethod] : ofMethod,
      type.prototype as object,
      method,
      descriptor,
    );
  };
  const Handler = form.handler();
  if (way.shorthand) {
    decorate(
      Handler,
      [...onHandlerClass, ConnectionHandler({ ...serverOptions, scope })],
      'onMessage',
      onMessage,
    );
    return [provide(Handler)];
  }
  const Server = form.server(way.object ? () => new Handler() : () => Handler);
  decorate(Server, [...onServerClass, WSSHandler(serverOptions)], 'onConnection', onConnection);
  if (way.object) {
    decorate(Handler, onHandlerClass, 'onMessage', onMessage);
    return [provide(Server)];
  }
  decorate(Handler, [...onHandlerClass, ConnectionHandler({ scope })], 'onMessage', onMessage);
  return [provide(Server), provide(Handler)];
}

/** A running application, and how to come to its servers. */
export class WayApp {
  readonly dependency: Dependency;
  readonly #clients = new Set<TestClient | RawClient>();

  constructor(
    readonly way: Way,
    readonly testApp: TestApp,
    readonly port: number,
  ) {
    this.dependency = testApp.app.get(Dependency);
  }

  /** Where clients are served as a behaviour says. */
  serve(behaviour: Behaviour, path = '/'): Served {
    return new Served(this, `${path}?behaviour=${register(behaviour)}`);
  }

  /** Ends a client when the application is closed: one that a failed test left must not be waited for. */
  own<C extends TestClient | RawClient>(client: C): C {
    this.#clients.add(client);
    return client;
  }

  /** Closes the application under its clients. */
  shutdown(): Promise<void> {
    return this.testApp.close();
  }

  close(): Promise<void> {
    for (const { socket } of this.#clients) {
      if (socket instanceof WebSocket) socket.terminate();
      else socket.destroy();
    }
    return this.testApp.close();
  }
}

export class Served {
  constructor(
    private readonly app: WayApp,
    private readonly path: string,
  ) {}

  /** @param query more of it */
  async connect(query = ''): Promise<TestClient> {
    const client = this.app.own(await connect(this.url + query, { rejectUnauthorized: false }));
    deepStrictEqual(client.socket.extensions !== '', this.app.way.compressed ?? false);
    return client;
  }

  /** Connects to the same place, with more in the query, and expects to be refused. */
  refused(query = ''): Promise<Refused> {
    return connectRefused(this.url + query, { rejectUnauthorized: false });
  }

  /** A client that has opened a socket, and not said anything yet. */
  async openRaw(): Promise<RawClient> {
    return this.app.own(await openSocket(this.app.port, this.app.way.https));
  }

  async connectRaw(): Promise<RawClient> {
    const client = await this.openRaw();
    client.write(this.handshake());
    const head = await client.head();
    if (!head.startsWith('HTTP/1.1 101')) throw new Error(`refused: ${head}`);
    return client;
  }

  handshake(): string {
    return handshakeHead(this.path, this.app.way.compressed ? COMPRESSION_OFFER : {});
  }

  /** A text message as this way's clients send it. */
  frame(text: string): Buffer {
    return this.app.way.compressed ? compressedFrame(text) : clientFrame(1, text);
  }

  /** The next messages that a raw client gets. */
  async take(client: RawClient, count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) texts.push(textOf(await client.frame()));
    return texts;
  }

  /** Where its clients connect to. */
  get url(): string {
    return `${this.app.way.https ? 'wss' : 'ws'}://127.0.0.1:${this.app.port}${this.path}`;
  }
}
