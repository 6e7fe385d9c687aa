import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Injectable, Logger, type LogLevel, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { ConnectionCloseEvent, ConnectionOpenEvent, HandshakeContext } from '../server/diagnostics.js';
import type { WebSocketServer } from '../server/web-socket-server.js';
import { WebSocketServerRegistry } from './web-socket-server.registry.js';

/** How many lines are written in a second; the others are counted. */
const MOST_LINES = 50;
const SECOND = 1000;

/**
 * Tells the log at level `debug` who came, who went, and who was refused (reference 12.2). It is not even there where the level is off, and
 * a flood of clients does not fill the log.
 */
@Injectable()
export class ConnectionLog implements OnModuleInit, OnModuleDestroy {
  readonly #logger = new Logger('WebSocketServer');
  readonly #subscriptions: (() => void)[] = [];
  readonly #isOwn = new WeakMap<WebSocketServer, boolean>();
  #second = 0;
  #lines = 0;
  #left = 0;

  constructor(private readonly servers: WebSocketServerRegistry) {}

  onModuleInit(): void {
    if (!isWritten('debug')) return;
    this.#on<ConnectionOpenEvent>('nestjs-4d-websocket:connection:open', ({ server, connection }) => {
      if (this.#writes(server)) this.#write(server, `open ${connection.id} from ${connection.remoteAddress}`);
    });
    this.#on<ConnectionCloseEvent>(
      'nestjs-4d-websocket:connection:close',
      ({ server, connection, code, reason, duration }) => {
        if (!this.#writes(server)) return;
        const why = reason === '' ? '' : ` ${quoted(reason)}`;
        this.#write(server, `close ${connection.id} ${code}${why} after ${(duration / SECOND).toFixed(1)} s`);
      },
    );
    this.#on<HandshakeContext>('tracing:nestjs-4d-websocket:handshake:asyncEnd', (handshake) => {
      const { server, request, outcome, status, reason = '' } = handshake;
      if (outcome === 'accepted' || !this.#writes(server)) return;
      const path = quoted((request.url ?? '').split('?', 1)[0]!);
      const from = request.socket.remoteAddress ?? 'nowhere';
      this.#write(server, `${outcome} ${path} from ${from}: ${status ?? 'no answer'} ${quoted(reason)}`);
    });
  }

  onModuleDestroy(): void {
    for (const end of this.#subscriptions.splice(0)) end();
  }

  /** Whether there is a line for this server now; if not, it is counted. */
  #writes(server: WebSocketServer | undefined): boolean {
    if (server !== undefined && !this.#owns(server)) return false;
    const second = Math.floor(performance.now() / SECOND);
    if (second !== this.#second) {
      if (this.#left > 0) this.#logger.debug(`${this.#left} more clients came, went or were refused`);
      this.#second = second;
      this.#lines = 0;
      this.#left = 0;
    }
    if (this.#lines++ < MOST_LINES) return true;
    this.#left++;
    return false;
  }

  #owns(server: WebSocketServer): boolean {
    let owns = this.#isOwn.get(server);
    if (owns === undefined) this.#isOwn.set(server, (owns = [...this.servers].includes(server)));
    return owns;
  }

  #write(server: WebSocketServer | undefined, text: string): void {
    this.#logger.debug(server === undefined ? text : `{${server.path ?? '*'}} ${text}`);
  }

  /** What a subscriber throws would end the process: a logger of the application's may. */
  #on<Event>(channel: string, hear: (event: Event) => void): void {
    const subscriber = (event: unknown): void => {
      try {
        hear(event as Event);
      } catch {
        // There is nobody left to tell.
      }
    };
    subscribe(channel, subscriber);
    this.#subscriptions.push(() => unsubscribe(channel, subscriber));
  }
}

/** Nest 11 says of every level that it is off, until the application has said which are on: until then all of them are. */
function isWritten(level: LogLevel): boolean {
  const { logLevels } = Logger as unknown as { logLevels?: readonly LogLevel[] };
  return logLevels === undefined || Logger.isLevelEnabled(level);
}

/** What a client chose, in one line and with no characters that could forge another. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
