import { hostname } from 'node:os';
import { NotFoundException } from '@nestjs/common';
import { ConnectionHandler } from '../decorators/connection-handler.decorator.js';
import type { HandlerOf } from '../decorators/contract-handler.js';
import { Actions } from './actions.js';
import { Activity } from './activity.js';
import { factsOf } from './connection-facts.js';
import { ConnectionList, type ListRequest } from './connection-list.js';
import { inspectorContract, type Instance } from './contract.js';
import { LiveMessages } from './live-messages.js';
import { WatchedServers } from './watched-servers.js';

const STARTED_AT = performance.timeOrigin;

/** How long other instances may take to say how many connections they have, in milliseconds. */
const COUNT_TIMEOUT = 1000;

/** Answers a page of the inspector. */
@ConnectionHandler({ contract: inspectorContract, concurrency: 8 })
export class InspectorHandler implements HandlerOf<typeof inspectorContract> {
  constructor(
    private readonly servers: WatchedServers,
    private readonly activity: Activity,
    private readonly connections: ConnectionList,
    private readonly messagesOf: LiveMessages,
    private readonly actions: Actions,
  ) {}

  async instance(): Promise<Instance> {
    const elsewhere = Array.from(this.servers).filter((server) => server.stats().backplane !== undefined);
    return {
      host: hostname(),
      pid: process.pid,
      node: process.versions.node,
      startedAt: STARTED_AT,
      elsewhere: await Promise.all(
        elsewhere.map(async (server) => ({
          server: this.servers.idOf(server),
          ...(await server.countConnections({ timeout: COUNT_TIMEOUT })),
        })),
      ),
      isReadOnly: this.actions.isReadOnly,
    };
  }

  list(_ws: unknown, request: ListRequest) {
    return this.connections.list(request);
  }

  facts(_ws: unknown, { id }: { id: number }) {
    const connection = this.servers.connection(id);
    return connection === undefined ? null : factsOf(connection);
  }

  send(_ws: unknown, { id, text }: { id: number; text: string }) {
    this.actions.send(id, text);
    return true;
  }

  publish(_ws: unknown, { server, topic, text }: { server: number; topic: string; text: string }) {
    this.actions.publish(server, topic, text);
    return true;
  }

  close(_ws: unknown, { id, code, reason }: { id: number; code: number; reason: string }) {
    this.actions.close(id, code, reason);
    return true;
  }

  drain(_ws: unknown, { server, seconds }: { server: number; seconds: number }) {
    return this.actions.drain(server, seconds);
  }

  seconds() {
    return this.activity.watch();
  }

  messages(_ws: unknown, { id }: { id: number }) {
    const connection = this.servers.connection(id);
    if (connection === undefined)
      throw new NotFoundException(`There is no connection ${id} on this instance`);
    return this.messagesOf.watch(connection);
  }
}
