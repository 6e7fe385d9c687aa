import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { WebSocketPublisher } from 'nestjs-4d-websocket';
import { chat } from '../chat/chat.contract.js';
import { CHAT, CLOCK, HISTORY } from './chat.topics.js';

/** How often the time is told, in milliseconds. */
const INTERVAL = 1_000;

/** Tells the time to everybody in the room, from a process that serves nobody. */
@Injectable()
export class ClockService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('ClockService');
  private timer?: NodeJS.Timeout;

  constructor(private readonly publisher: WebSocketPublisher) {}

  onApplicationBootstrap() {
    const server = this.publisher.server(CHAT, { history: HISTORY });
    this.timer = setInterval(() => {
      // While Redis is away nobody hears the time.
      server
        .publish(CLOCK, chat.time({ at: new Date().toISOString() }))
        .catch((error: Error) => this.logger.warn(error.message));
    }, INTERVAL);
  }

  onModuleDestroy() {
    clearInterval(this.timer);
  }
}
