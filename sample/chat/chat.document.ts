import type { INestApplication } from '@nestjs/common';
import { AsyncApiModule, type AsyncApiDocument } from 'nestjs-4d-websocket';
import { chat } from './chat.contract.js';

/** Describes the chat for other people's clients, as AsyncAPI 3. */
export function describeChat(app: INestApplication): AsyncApiDocument {
  return AsyncApiModule.createDocument(app, {
    title: 'Chat',
    servers: { local: { host: 'localhost:3000', protocol: 'ws' } },
    // Who serves a client, only ChatServer's onConnection knows.
    contracts: { ChatServer: chat },
  });
}
