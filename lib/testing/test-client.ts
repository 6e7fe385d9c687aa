// Not the global ones: a test that fakes timers would never see its time run out.
import { clearTimeout, setTimeout } from 'node:timers';
import type { WebSocket } from 'ws';
import type { DataType } from '../interfaces/index.js';
import { MESSAGE_DECODERS } from '../server/message/message-decoder.js';
import { asBuffer, asJson } from '../server/message/message-frame.js';
import type { Sendable } from '../server/web-socket-connection.js';

/** How a connection ended (reference 20.2). */
export interface ConnectionEnd {
  /** The close code; 1006 if there was no closing handshake. */
  readonly code: number;
  /** The reason of the close frame; empty if there was none. */
  readonly reason: string;
}

/** A message as it came, or why it could not be decoded. */
type Arrival<T> = { readonly data: T } | { readonly error: Error };

/**
 * A client of an application under test, as `connect` makes it (reference 20.2).
 *
 * @typeParam T what messages are: a `string`, a `Buffer`, or the parsed JSON with `dataType: 'object'`
 */
export class TestClient<T = string> {
  /** Resolves when the connection is closed, whoever closed it. Never rejects. */
  readonly closed: Promise<ConnectionEnd>;
  readonly #websocket: WebSocket;
  readonly #path: string;
  readonly #timeout: number;
  readonly #received: T[] = [];
  readonly #unread: Arrival<T>[] = [];
  readonly #waiting: ((arrival?: Arrival<T>) => void)[] = [];
  #end: ConnectionEnd | undefined;

  /**
   * @internal
   * @param timeout milliseconds that `next` waits if it is not told otherwise
   */
  constructor(websocket: WebSocket, path: string, dataType: DataType, timeout: number) {
    this.#websocket = websocket;
    this.#path = path;
    this.#timeout = timeout;
    const decode = MESSAGE_DECODERS[dataType];
    websocket.on('message', (data: Buffer, isBinary) => {
      try {
        this.#arrive({ data: decode(data, isBinary) as T });
      } catch (error) {
        this.#arrive({ error: error as Error });
      }
    });
    this.closed = new Promise((resolve) => {
      websocket.on('close', (code, reason) => {
        this.#end = { code, reason: reason.toString() };
        for (const resume of this.#waiting.splice(0)) resume();
        resolve(this.#end);
      });
    });
  }

  /** All messages so far, in order, whether {@link next} gave them or not. It grows as more come. */
  get received(): readonly T[] {
    return this.#received;
  }

  /** The sub-protocol that the server chose from the option `protocols`; empty if it chose none. */
  get protocol(): string {
    return this.#websocket.protocol;
  }

  /**
   * The next message that was not given yet. Several calls get one message each, in order.
   *
   * @param options.timeout milliseconds; without it those of `connect`
   * @returns a promise that rejects if none comes in time, if the connection closes before one comes, and for a message
   * that the client's `dataType` can't decode
   */
  async next({ timeout = this.#timeout }: { timeout?: number } = {}): Promise<T> {
    const arrival = this.#unread.shift() ?? (await this.#nextArrival(timeout));
    // Made here, after an await, these errors have a stack that leads to the test.
    if (arrival === undefined) throw new Error(`next(): ${this.#whyNothingCame(timeout)}`);
    if ('error' in arrival) throw arrival.error;
    return arrival.data;
  }

  /**
   * Sends a message as `WebSocketConnection.send` does: a string as text, binary data as binary, another object as the
   * text of its JSON (reference 2.1). Does nothing when the connection is closing or closed.
   *
   * @throws {TypeError} for anything else; nothing is sent
   */
  send(message: Sendable): void {
    if (typeof message === 'string' || message instanceof Blob) this.#websocket.send(message as string);
    else this.#websocket.send(asBuffer(message) ?? asJson(message, 'TestClient.send()'));
  }

  /**
   * Closes the connection with a closing handshake; what was sent before arrives.
   *
   * @param code 1000, another one that RFC 6455 lets clients send, or from 3000 to 4999. @default none
   * @param reason at most 123 bytes of UTF-8
   * @returns a promise of {@link closed}
   * @throws {TypeError} for another code
   * @throws {RangeError} for a reason that is too long
   */
  close(code?: number, reason?: string): Promise<ConnectionEnd> {
    this.#websocket.close(code, reason);
    return this.closed;
  }

  /**
   * Cuts the connection without a closing handshake, as a client does whose network is gone. The server sees 1006.
   *
   * @returns a promise of {@link closed}
   */
  terminate(): Promise<ConnectionEnd> {
    this.#websocket.terminate();
    return this.closed;
  }

  #arrive(arrival: Arrival<T>): void {
    if ('data' in arrival) this.#received.push(arrival.data);
    const resume = this.#waiting.shift();
    if (resume === undefined) this.#unread.push(arrival);
    else resume(arrival);
  }

  /** Nothing if the time runs out, or the connection is over, before one comes. */
  #nextArrival(timeout: number): Promise<Arrival<T> | undefined> {
    return new Promise((resolve) => {
      if (this.#end !== undefined) {
        resolve(undefined);
        return;
      }
      const resume = (arrival?: Arrival<T>): void => {
        clearTimeout(timer);
        resolve(arrival);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(resume), 1);
        resolve(undefined);
      }, timeout);
      this.#waiting.push(resume);
    });
  }

  #whyNothingCame(timeout: number): string {
    const before = `${this.#received.length} came before`;
    if (this.#end === undefined) return `no message came from ${this.#path} within ${timeout} ms; ${before}`;
    const { code, reason } = this.#end;
    return `${this.#path} closed with ${code}${reason && ` (${reason})`}, so no message comes; ${before}`;
  }
}
