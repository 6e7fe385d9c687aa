import type { WSError } from '../interfaces/ws-error.js';

/** What a client's `onOpen` receives, each time a connection opens (reference 15.3). */
export interface ClientOpenEvent {
  type: 'open';
  /** Whether there was a connection before this one. */
  reconnected: boolean;
}

/**
 * What a client's `onMessage` receives for each message (reference 15.2).
 *
 * @typeParam T `string`, `Uint8Array` (on Node a `Buffer`) or the parsed JSON, by the client's `dataType`
 */
export interface ClientMessageEvent<T = unknown> {
  type: 'message';
  data: T;
  /** Whether it came in a binary frame. */
  isBinary: boolean;
}

/** What a client's `onError` receives (reference 12.1). */
export interface ClientErrorEvent {
  type: 'error';
  /** Never empty: the failure first, then the chain of its `cause`s. */
  errors: [WSError, ...WSError[]];
}

/** What a client's `onDisconnect` receives: a connection was lost, or could not be had, and is tried again (reference 15.3). */
export interface ClientDisconnectEvent {
  type: 'disconnect';
  /** As in {@link ClientTerminateEvent}. */
  code: number;
  /** As in {@link ClientTerminateEvent}. */
  reason: string | undefined;
  /** Which attempt in a row the next one is, from 1. A connection that lasts 5 seconds starts a new row. */
  attempt: number;
  /** In how many milliseconds it will be made. */
  delay: number;
}

/** What became of what a client missed in a topic (reference 16.4). */
export interface ClientResumedTopic {
  /** Whether it has got all of it; `false`: the history reaches back no longer, and the state must be fetched anew. */
  recovered: boolean;
  /** How many messages the history no longer had; undefined where that can't be known. */
  lost: number | undefined;
}

/** What a client's `onResume` receives: all that was missed of these topics, and could be had, has come (reference 16.4). */
export interface ClientResumeEvent {
  type: 'resume';
  /** By the names of the topics. */
  topics: Readonly<Record<string, ClientResumedTopic>>;
}

/** What a client's `onTerminate` receives, once and last (reference 15.3). */
export interface ClientTerminateEvent {
  type: 'terminate';
  /**
   * The close frame's code, 1005 if it carried none; 1006 if the connection broke or there was none; on Node 4000 and
   * the HTTP status if the server refused the handshake.
   */
  code: number;
  /** The close frame's text, undefined if it carried none; on Node the refusal's status text. */
  reason: string | undefined;
}
