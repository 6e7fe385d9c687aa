/**
 * An AsyncAPI 3.0 document, as far as one is made here (https://www.asyncapi.com/docs/reference/specification/v3.0.0). It is a
 * plain object: add to it what the application knows besides.
 */
export interface AsyncApiDocument extends AsyncApiExtensions {
  asyncapi: '3.0.0';
  info: AsyncApiInfo;
  /** What all messages are, since none says it itself. */
  defaultContentType: string;
  servers?: Record<string, AsyncApiServer>;
  /** One for each WebSocket server, by the name of its handler's class. */
  channels: Record<string, AsyncApiChannel>;
  /** One for each member of a contract: `ChatHandler_say`. */
  operations: Record<string, AsyncApiOperation>;
  components: AsyncApiComponents;
}

/** Fields of one's own. */
export interface AsyncApiExtensions {
  [extension: `x-${string}`]: unknown;
}

/** What the document is about. */
export interface AsyncApiInfo extends AsyncApiExtensions {
  title: string;
  version: string;
  description?: string;
  termsOfService?: string;
  contact?: { name?: string; url?: string; email?: string };
  license?: { name: string; url?: string };
  tags?: { name: string; description?: string }[];
  externalDocs?: { url: string; description?: string };
}

/** Where an application can be reached. */
export interface AsyncApiServer extends AsyncApiExtensions {
  /** The name of the host, and its port: `chat.example.com:8080`. */
  host: string;
  /** `ws` or `wss`. */
  protocol: string;
  /** What stands before each channel's address. */
  pathname?: string;
  title?: string;
  summary?: string;
  description?: string;
  variables?: Record<string, { enum?: string[]; default?: string; description?: string }>;
  security?: (AsyncApiReference | Record<string, unknown>)[];
  tags?: { name: string; description?: string }[];
}

/** A WebSocket server of the application, and what is said on its connections. */
export interface AsyncApiChannel extends AsyncApiExtensions {
  /** Its path, with its parameters as `{id}`; null if it takes the requests that no other server takes. */
  address: string | null;
  title?: string;
  summary?: string;
  description?: string;
  servers?: AsyncApiReference[];
  parameters?: Record<string, AsyncApiParameter>;
  messages?: Record<string, AsyncApiMessage | AsyncApiReference>;
  bindings?: Record<string, unknown>;
}

/** A parameter of a channel's address. */
export interface AsyncApiParameter extends AsyncApiExtensions {
  description?: string;
  enum?: string[];
  default?: string;
  examples?: string[];
}

/** A message, as it goes over the wire. */
export interface AsyncApiMessage extends AsyncApiExtensions {
  name?: string;
  title?: string;
  summary?: string;
  description?: string;
  contentType?: string;
  payload?: JsonSchema;
  /** Where the id is by which a request and what answers it belong together. */
  correlationId?: { location: string; description?: string };
  examples?: { name?: string; summary?: string; payload?: unknown }[];
}

/** What the application does: it receives what clients send, and sends what they receive. */
export interface AsyncApiOperation extends AsyncApiExtensions {
  action: 'receive' | 'send';
  channel: AsyncApiReference;
  title?: string;
  summary?: string;
  description?: string;
  messages?: AsyncApiReference[];
  /** What it is answered with. */
  reply?: { channel: AsyncApiReference; messages: AsyncApiReference[] };
  security?: (AsyncApiReference | Record<string, unknown>)[];
  tags?: { name: string; description?: string }[];
}

/** What several parts of the document refer to. */
export interface AsyncApiComponents extends AsyncApiExtensions {
  schemas: Record<string, JsonSchema>;
  messages?: Record<string, AsyncApiMessage>;
  securitySchemes?: Record<string, Record<string, unknown>>;
}

/** Another part of the document: `{ $ref: '#/components/schemas/...' }`. */
export interface AsyncApiReference {
  $ref: string;
}

/** A JSON Schema, draft 07. */
export type JsonSchema = Record<string, unknown>;
