import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import type { Instance } from './contract.js';
import { WatchedServers } from './watched-servers.js';

/** The name of the instance, by which it is told from the others. */
export const INSTANCE_NAME = `${hostname()}:${process.pid}`;

/** This instance, at a glance. */
@Injectable()
export class InspectedInstance {
  constructor(private readonly servers: WatchedServers) {}

  look(): Instance {
    let [connections, queuedMessages, unreadBytes] = [0, 0, 0];
    for (const server of this.servers) {
      const stats = server.stats();
      connections += stats.connections;
      queuedMessages += stats.queuedMessages;
      unreadBytes += stats.unreadBytes;
    }
    return {
      name: INSTANCE_NAME,
      node: process.versions.node,
      startedAt: performance.timeOrigin,
      memory: process.memoryUsage.rss(),
      connections,
      queuedMessages,
      unreadBytes,
    };
  }
}
