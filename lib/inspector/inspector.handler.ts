import { Injectable, NotFoundException } from '@nestjs/common';
import type { HandlerOf } from '../decorators/contract-handler.js';
import { Actions } from './actions.js';
import { Activity } from './activity.js';
import { factsOf } from './connection-facts.js';
import { ConnectionList, together, type ListRequest } from './connection-list.js';
import { inspectorContract, type Instances } from './contract.js';
import { LiveMessages } from './live-messages.js';
import { Peers } from './peers.js';
import { InspectedInstance } from './inspected-instance.js';
import { WatchedServers } from './watched-servers.js';

/**
 * Answers a page of the inspector. The module that provides it makes it a connection handler: an application that only loads this file
 * has none that nobody provides.
 */
@Injectable()
export class InspectorHandler implements HandlerOf<typeof inspectorContract> {
  constructor(
    private readonly servers: WatchedServers,
    private readonly activity: Activity,
    private readonly connections: ConnectionList,
    private readonly messagesOf: LiveMessages,
    private readonly actions: Actions,
    private readonly instance: InspectedInstance,
    private readonly peers: Peers,
  ) {}

  async instances(): Promise<Instances> {
    return {
      own: this.instance.look(),
      others: await this.peers.ask({ kind: 'look' }),
      isReadOnly: this.actions.isReadOnly,
    };
  }

  async list(_ws: unknown, request: ListRequest) {
    const { offset, limit } = request;
    // Each instance knows its own order only: of what is asked for any of them may have all.
    const fromBeginning = { ...request, offset: 0, limit: offset + limit };
    const pages = await this.peers.ask({ kind: 'list', request: fromBeginning });
    return pages.length === 0
      ? this.connections.list(request)
      : together([this.connections.list(fromBeginning), ...pages], request);
  }

  async facts(_ws: unknown, { id }: { id: number }) {
    const connection = this.servers.connection(id);
    if (connection !== undefined) return factsOf(connection);
    return (await this.peers.ask({ kind: 'facts', id })).find((facts) => facts !== null) ?? null;
  }

  send(_ws: unknown, { id, server, text }: { id: number; server: string; text: string }) {
    this.actions.send(id, server, text);
    return true;
  }

  publish(_ws: unknown, { server, topic, text }: { server: number; topic: string; text: string }) {
    this.actions.publish(server, topic, text);
    return true;
  }

  close(
    _ws: unknown,
    { id, server, code, reason }: { id: number; server: string; code: number; reason: string },
  ) {
    this.actions.close(id, server, code, reason);
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
