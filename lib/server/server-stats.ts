import type { HistoryStats } from './topic-history.js';

/** How a server stands on this instance, at this moment (reference 18.4). */
export interface ServerStats {
  /** Open connections. */
  readonly connections: number;
  /** Handshakes that `onConnection`, or what is around it, has not decided yet. */
  readonly handshakes: number;
  /** Messages, and hooks, of all connections that wait for the hook before them. */
  readonly queuedMessages: number;
  /** Bytes of all connections that were sent and are not yet handed to the operating system: their clients do not read. */
  readonly unreadBytes: number;
  /** Topics that have subscribers. */
  readonly topics: number;
  /** Whether other instances can be reached; undefined without a backplane. */
  readonly backplane: boolean | undefined;
  /** Undefined for a server none of whose topics has a history. */
  readonly history: HistoryStats | undefined;
}
