import { Injectable } from '@nestjs/common';
import { WebSocketServerRegistry } from '../handlers/web-socket-server.registry.js';
import type { ServerSession } from '../server/server-session.js';
import { factsOf } from './connection-facts.js';
import { ConnectionList, type ListRequest } from './connection-list.js';
import type { ConnectionFacts, ConnectionPage, Instance } from './contract.js';
import { InspectedInstance } from './inspected-instance.js';
import { WatchedServers } from './watched-servers.js';

/** How long an instance may take to answer, in milliseconds. */
const TIMEOUT = 1000;

/** What inspectors of an application ask each other, and are answered with. */
interface Answers {
  look: Instance;
  list: ConnectionPage;
  facts: ConnectionFacts | null;
}

type Question =
  | { readonly kind: 'look' }
  | { readonly kind: 'list'; readonly request: ListRequest }
  | { readonly kind: 'facts'; readonly id: number };

/** The inspectors of the other instances: with a backplane they ask each other (reference 18.3). */
@Injectable()
export class Peers {
  constructor(
    private readonly registry: WebSocketServerRegistry,
    private readonly servers: WatchedServers,
    private readonly connections: ConnectionList,
    private readonly instance: InspectedInstance,
  ) {}

  /** Answers the others from now on. */
  listen(): void {
    const session = this.#session();
    if (session !== undefined) session.answer = (question) => Promise.resolve(this.#answer(question));
  }

  /** Asks all others; those that don't answer in time are left out. */
  async ask<Kind extends keyof Answers>(question: Question & { kind: Kind }): Promise<Answers[Kind][]> {
    const answers = (await this.#session()?.askOthers(JSON.stringify(question), TIMEOUT)) ?? [];
    return answers.map((answer) => JSON.parse(answer) as Answers[Kind]);
  }

  #answer(text: string): string {
    const question = JSON.parse(text) as Question;
    switch (question.kind) {
      case 'look':
        return JSON.stringify(this.instance.look());
      case 'list':
        return JSON.stringify(this.connections.list(question.request));
      case 'facts': {
        const connection = this.servers.connection(question.id);
        return JSON.stringify(connection === undefined ? null : factsOf(connection));
      }
    }
  }

  #session(): ServerSession | undefined {
    for (const session of this.registry.sessions()) if (this.servers.isOwn(session.wss)) return session;
    return undefined;
  }
}
