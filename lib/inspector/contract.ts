import { defineContract } from '../contract/define-contract.js';
import { isBoolean, isOneOf, isText, isWhole, object, orUndefined, trusted } from './schemas.js';

/** How a server stands, and what it did since the last second. */
export interface ServerActivity {
  /** Names it in what the page asks. */
  readonly id: number;
  /** The path pattern; `*` for the server of all other paths. */
  readonly path: string;
  readonly handler: string;
  readonly isClosing: boolean;
  readonly connections: number;
  readonly handshakes: number;
  readonly queuedMessages: number;
  readonly unreadBytes: number;
  readonly topics: number;
  readonly backplane: boolean | undefined;
  readonly received: number;
  readonly sent: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly opened: number;
  readonly closed: number;
  readonly refused: number;
  readonly errors: number;
}

/** Something to be told as it happens. */
export interface Happening {
  readonly at: number;
  readonly kind: 'open' | 'close' | 'refused' | 'error' | 'limit' | 'backplane';
  readonly server: string;
  readonly connection?: number;
  readonly text: string;
}

/** What happened in a second. */
export interface Second {
  readonly at: number;
  readonly servers: readonly ServerActivity[];
  readonly happenings: readonly Happening[];
  /** How many more there were. */
  readonly left: number;
  /** Of one processor core, from 0 on. */
  readonly cpu: number;
  readonly memory: number;
  /** The 99th percentile of how late timers were, in milliseconds. */
  readonly delay: number;
}

/** An instance of the application, at a glance. */
export interface Instance {
  /** Its host and process, by which it is told from the others. */
  readonly name: string;
  readonly node: string;
  readonly startedAt: number;
  readonly memory: number;
  readonly connections: number;
  readonly queuedMessages: number;
  readonly unreadBytes: number;
}

/** The instance that answers, and those that it can ask. */
export interface Instances {
  readonly own: Instance;
  readonly others: readonly Instance[];
  readonly isReadOnly: boolean;
}

export const SORT_KEYS = [
  'id',
  'instance',
  'address',
  'server',
  'openedAt',
  'topics',
  'queuedMessages',
  'unreadBytes',
  'bytesIn',
  'bytesOut',
] as const;

/** What a list can be sorted by. */
export type SortKey = (typeof SORT_KEYS)[number];

/** A connection, in a list. */
export interface ConnectionRow {
  readonly id: number;
  /** The name of its instance. */
  readonly instance: string;
  readonly server: string;
  readonly address: string;
  readonly openedAt: number;
  readonly topics: number;
  readonly queuedMessages: number;
  readonly unreadBytes: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** A part of the connections that were asked for. */
export interface ConnectionPage {
  readonly total: number;
  readonly found: number;
  readonly rows: readonly ConnectionRow[];
}

/** A connection in full. */
export interface ConnectionFacts extends ConnectionRow {
  readonly status: string;
  readonly protocol: string;
  readonly expiresAt: number | undefined;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly topicNames: readonly string[];
}

/** A message of a connection that is watched. */
export interface LiveMessage {
  readonly at: number;
  readonly direction: 'received' | 'sent';
  readonly isBinary: boolean;
  readonly bytes: number;
  /** The beginning of it, in base64. */
  readonly data: string;
  /** How many were not told before this one, since the page did not keep up. */
  readonly left: number;
}

const MAX_TEXT = 65_536;
const MAX_NAME = 1000;
const NOTHING = object<object>({});
const isId = isWhole(1, Number.MAX_SAFE_INTEGER);

/** What the inspector's page and its server say to each other. */
export const inspectorContract = defineContract({
  calls: {
    instances: { request: NOTHING, response: trusted<Instances>() },
    list: {
      request: object<{
        search: string;
        server: string | undefined;
        sort: SortKey;
        descending: boolean;
        offset: number;
        limit: number;
      }>({
        search: isText(MAX_NAME),
        server: orUndefined(isText(MAX_NAME)),
        sort: isOneOf(SORT_KEYS),
        descending: isBoolean,
        offset: isWhole(0, 100_000),
        limit: isWhole(1, 200),
      }),
      response: trusted<ConnectionPage>(),
    },
    facts: {
      request: object<{ id: number }>({ id: isId }),
      response: trusted<ConnectionFacts | null>(),
    },
    send: {
      request: object<{ id: number; server: string; text: string }>({
        id: isId,
        server: isText(MAX_NAME),
        text: isText(MAX_TEXT),
      }),
      response: trusted<boolean>(),
    },
    publish: {
      request: object<{ server: number; topic: string; text: string }>({
        server: isId,
        topic: isText(MAX_NAME),
        text: isText(MAX_TEXT),
      }),
      response: trusted<boolean>(),
    },
    close: {
      request: object<{ id: number; server: string; code: number; reason: string }>({
        id: isId,
        server: isText(MAX_NAME),
        code: isWhole(3001, 4999),
        reason: isText(123),
      }),
      response: trusted<boolean>(),
    },
    drain: {
      request: object<{ server: number; seconds: number }>({ server: isId, seconds: isWhole(0, 3600) }),
      response: trusted<number>(),
    },
  },
  streams: {
    seconds: { request: NOTHING, item: trusted<Second>() },
    messages: { request: object<{ id: number }>({ id: isId }), item: trusted<LiveMessage>() },
  },
});
