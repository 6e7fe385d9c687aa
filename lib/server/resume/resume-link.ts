import { CloseCode } from '../../errors/close-code.js';
import type { TopicPosition, TopicRecovery } from '../../interfaces/index.js';
import { decodeClientHeader } from '../../protocol/client-header.js';
import { headerEnd, headerLine, LINE_FEED } from '../../protocol/frame.js';
import type { ServerHeader } from '../../protocol/server-header.js';
import type { SocketObserver } from '../socket/connection-socket.js';
import type { ResumingClient } from '../topic-history.js';

/** How long a client may take to tell its positions, if `handshakeTimeout` is no shorter; then it has none, in milliseconds. */
const POSITIONS_TIMEOUT = 5_000;

const HEARTBEAT = headerLine(['heartbeat'] satisfies ServerHeader);

/** The connection behind a link. */
export interface LinkedConnection extends SocketObserver {
  readonly id: number;
  sendHeader(line: string): void;
  /** The client broke the protocol. */
  violated(errCode: number, error: Error): void;
  /** The client brings a new token. */
  refresh(token: string, bytes: number): void;
  /** What became of the topics that the client brought is decided, and what it missed of them is on its way. */
  resumed(topics: Readonly<Record<string, TopicRecovery>>): void;
}

/**
 * The talk with one client in the sub-protocol (reference 16.4, 16.7, docs/protocol.md). It stands between the socket and the
 * connection, and takes the header lines off.
 */
export class ResumeLink implements ResumingClient, SocketObserver {
  /** Resolves when the client has told what it brings, or will not any more. */
  readonly ready: Promise<void>;
  readonly #connection: LinkedConnection;
  #earlierIds: ReadonlySet<number> = new Set();
  #positions = new Map<string, TopicPosition>();
  /** Topics of which the client still gets what it missed. */
  readonly #pending = new Set<string>();
  readonly #recoveries = new Map<string, TopicRecovery>();
  #opened = false;
  #isReady = false;
  #resolveReady: () => void = () => undefined;
  readonly #timeout: number;
  readonly #timer: NodeJS.Timeout;
  #hasTold = false;

  /** @param handshakeTimeout how long the application waits for a handshake, in milliseconds */
  constructor(connection: LinkedConnection, handshakeTimeout: number) {
    this.#connection = connection;
    this.#timeout = Math.min(POSITIONS_TIMEOUT, handshakeTimeout);
    this.ready = new Promise((resolve) => (this.#resolveReady = resolve));
    this.#timer = setTimeout(() => this.#beReady(), this.#timeout).unref();
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get earlierIds(): ReadonlySet<number> {
    return this.#earlierIds;
  }

  /** @param heartbeat the server says something at least that often, in milliseconds; 0 if it does not promise to */
  greet(heartbeat: number): void {
    this.#say(['hello', { id: this.#connection.id, heartbeat }]);
  }

  /** Asks for a new token, after so many milliseconds. */
  askForToken(delay: number): void {
    this.#say(['refresh', delay]);
  }

  /** Says that the server is there, where pings are invisible. */
  beat(): void {
    this.#connection.sendHeader(HEARTBEAT);
  }

  /** `onOpen` is over: what was subscribed to again in it is told at once. */
  opened(): void {
    this.#opened = true;
    this.#tellResumed();
  }

  received(data: Buffer, isBinary: boolean): void {
    // A message of the application's: its header line is empty.
    if (data[0] === LINE_FEED) {
      if (!this.#isReady) this.#beReady();
      this.#connection.received(data.subarray(1), isBinary);
      return;
    }
    try {
      const header = decodeClientHeader(data, headerEnd(data));
      if (header === undefined) return;
      if (header[0] === 'token') {
        this.#connection.refresh(header[1], data.length);
        return;
      }
      if (this.#isReady) {
        this.#tellLate();
        return;
      }
      const [, ids, positions] = header;
      this.#earlierIds = new Set(ids);
      this.#positions = new Map(positions.map(([topic, epoch, offset]) => [topic, { epoch, offset }]));
    } catch (error) {
      this.#connection.violated(CloseCode.PROTOCOL_ERROR, error as Error);
    }
    this.#beReady();
  }

  fail(errCode: number, error: Error): void {
    this.#connection.fail(errCode, error);
  }

  closed(code: number, reason: Buffer): void {
    this.#beReady();
    this.#connection.closed(code, reason);
  }

  flush(): void {
    this.#connection.flush();
  }

  take(topic: string): TopicPosition | undefined {
    const position = this.#positions.get(topic);
    if (position === undefined) return undefined;
    this.#positions.delete(topic);
    this.#pending.add(topic);
    return position;
  }

  follows(topic: string, { epoch, offset }: TopicPosition): void {
    this.#say(['topic', topic, epoch, offset]);
  }

  resumes(topic: string, { epoch, offset }: TopicPosition, recovery: TopicRecovery): void {
    const { recovered, lost = null } = recovery;
    this.#pending.add(topic);
    this.#recoveries.set(topic, recovery);
    this.#say(['topic', topic, epoch, offset, recovered, lost]);
  }

  resumed(topic: string): void {
    this.#pending.delete(topic);
    this.#tellResumed();
  }

  abandoned(topic: string): void {
    this.#recoveries.delete(topic);
    this.resumed(topic);
  }

  left(topic: string): void {
    this.#say(['left', topic]);
  }

  #tellResumed(): void {
    if (!this.#opened || this.#pending.size > 0 || this.#recoveries.size === 0) return;
    const topics = Object.fromEntries(this.#recoveries);
    this.#recoveries.clear();
    this.#say(['resumed', Object.keys(topics)]);
    this.#connection.resumed(topics);
  }

  /** Tells once that the client will not get what it missed, and why. */
  #tellLate(): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    this.fail(
      CloseCode.PROTOCOL_ERROR,
      new Error(`Positions are ignored that do not come first, once, and within ${this.#timeout} ms`),
    );
  }

  #beReady(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    clearTimeout(this.#timer);
    this.#resolveReady();
  }

  #say(header: ServerHeader): void {
    this.#connection.sendHeader(headerLine(header));
  }
}
