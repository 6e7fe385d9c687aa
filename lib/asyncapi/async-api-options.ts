import type { AnyContract } from '../contract/contract.js';
import type { AsyncApiInfo, AsyncApiServer } from './async-api-document.js';

/** What a document says that the application's code does not (reference 17.5). */
export interface AsyncApiOptions {
  /** @default 'WebSocket API' */
  title?: string;
  /** The version of the application's interface. @default '1.0.0' */
  version?: string;
  /** In CommonMark. @default none */
  description?: string;
  /** What else there is to say of the application: contact, licence, tags. @default nothing */
  info?: Omit<AsyncApiInfo, 'title' | 'version' | 'description'>;
  /**
   * Where clients reach the application, by names of your own: `{ production: { host: 'chat.example.com', protocol: 'wss' } }`.
   * A WebSocket server with a port of its own is on those whose host has that port, the others are on the rest.
   *
   * @default localhost, with the ports that are known by then
   */
  servers?: Record<string, AsyncApiServer>;
  /**
   * The contracts of servers whose `onConnection` decides who serves a client, which only their code knows: by the server's
   * path, as in its options, or by the name of its handler's class. `{ '/chat': chat }`
   *
   * @default those servers are in the document without messages
   */
  contracts?: Record<string, AnyContract>;
}

/** Where the document is served (reference 17.5). */
export interface AsyncApiServeOptions {
  /** Whether the paths begin with the application's global prefix. @default false */
  useGlobalPrefix?: boolean;
  /** Where the document is as JSON. @default the path, and `-json`: `/asyncapi-json` */
  jsonDocumentUrl?: string;
  /** Where it is as YAML, for which the package `yaml` has to be installed. @default the path, and `-yaml`: `/asyncapi-yaml` */
  yamlDocumentUrl?: string;
}
