import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { REDIS } from './redis.module.js';

const KEY = 'chat:online';
/** How often an instance says that its people are still there, and when those of an instance that died are gone. */
const REFRESH = 2_000;
const EXPIRY = 6_000;

/**
 * Who is in the room, on whatever instance. What all instances share is kept in Redis: `wss.connections` are those of one
 * instance only.
 */
@Injectable()
export class PresenceService implements OnModuleInit, OnModuleDestroy {
  /** The people of this instance. */
  private readonly names = new Set<string>();
  private timer?: NodeJS.Timeout;

  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  onModuleInit() {
    this.timer = setInterval(() => {
      this.refresh().catch((error: Error) => console.warn(`Presence: ${error.message}`));
    }, REFRESH);
  }

  onModuleDestroy() {
    clearInterval(this.timer);
  }

  /** Takes a name, if nobody has it. Until its connection is there it is kept for a while only. */
  async reserve(name: string): Promise<boolean> {
    await this.redis.zremrangebyscore(KEY, 0, Date.now() - EXPIRY);
    return (await this.redis.zadd(KEY, 'NX', Date.now(), name)) === 1;
  }

  keep(name: string) {
    this.names.add(name);
  }

  async release(name: string) {
    this.names.delete(name);
    await this.redis.zrem(KEY, name);
  }

  async online(): Promise<string[]> {
    const names = await this.redis.zrangebyscore(KEY, Date.now() - EXPIRY, '+inf');
    return names.sort((a, b) => a.localeCompare(b));
  }

  private async refresh() {
    const now = Date.now();
    const entries = [...this.names].flatMap((name) => [now, name]);
    if (entries.length > 0) await this.redis.zadd(KEY, ...entries);
  }
}
