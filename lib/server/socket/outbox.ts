import { AsyncResource } from 'node:async_hooks';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { DrainWatcher } from './drain-watcher.js';
import { endOfTurn } from '../../foundation/end-of-turn.js';
import { asBuffer, asJson, binaryFrame, headedFrame, textFrame } from '../message/message-frame.js';
import { bytesOf, headed, PLAIN_LINE, type SharedMessage } from '../message/shared-message.js';
import type { SharedDeflate } from '../message/shared-deflate.js';
import { messageSent } from '../../observability/channels.js';

/** Frames of one turn up to this many bytes are copied into one chunk; more go out as they are, in one `writev`. */
const COPY_LIMIT = 64 * 1024;

/** A turn ends in the asynchronous context of whoever began it, which is nothing to the observers of the others. */
const detached = new AsyncResource('nestjs-4d-websocket');

/** The `WebSocket` that an outbox sends through. */
interface OutboxSocket extends WebSocket {
  readonly deflate: SharedDeflate | undefined;
}

/** What an outbox tells its connection. */
export interface OutboxObserver {
  /** More than the limit was buffered, before the last message, and still is at the end of a turn. */
  overflow(bufferedAmount: number): void;
  /** The bytes of a message are gone before they were written; what waited in this turn is dropped. */
  lost(): void;
  /** A message of the application's was taken: told only when somebody listens on the diagnostics channel. */
  sent(data: string | Buffer | Blob, isBinary: boolean, bytes: number): void;
}

/**
 * Sends the messages of one connection (reference 6.3, 6.4): those of one turn of the event loop leave together, in
 * one system call, at the end of the turn.
 *
 * This file is the only one that writes to the socket beside `ws`. That is right as long as
 * - whole frames are written, so that those of `ws` (pong, close) come before or after them, never inside;
 * - the frames that wait are flushed before `ws` writes a close frame (`ConnectionSocket.close` sees to it) and
 *   before the socket ends, because nothing may follow either;
 * - `ws`'s own sender holds nothing back. It does while it compresses and while it reads a Blob; then messages go through
 *   `websocket.send`, which keeps their order, as do all that are compressed for this connection alone.
 */
export class Outbox {
  readonly #websocket: OutboxSocket;
  readonly #socket: Socket;
  readonly #observer: OutboxObserver;
  readonly #limit: number;
  // One message a turn is the common case: it needs no array.
  #first: Buffer | null = null;
  #rest: Buffer[] | null = null;
  #bytes = 0;
  /** The size of the last message: one alone may be longer than the limit. */
  #lastBytes = 0;
  #scheduled = false;
  readonly #compressed: boolean;
  readonly #headed: boolean;
  /** Whether a message is a frame that is written as it is: one look for all that can be in the way. */
  #direct: boolean;
  /** How many messages `ws` may hold back: Blobs that it reads; of a compressed connection all that went through it. */
  #held = 0;
  readonly #deflate: SharedDeflate | undefined;
  #drain: DrainWatcher | null = null;
  #watching = false;

  /**
   * @param limit bytes that may be buffered at the end of a turn before the observer hears of an overflow
   * @param headed whether messages have a header line, as in the sub-protocol (reference 16.7)
   */
  constructor(
    websocket: OutboxSocket,
    socket: Socket,
    observer: OutboxObserver,
    limit: number,
    headed = false,
  ) {
    this.#websocket = websocket;
    this.#socket = socket;
    this.#observer = observer;
    this.#limit = limit;
    this.#compressed = websocket.extensions !== '';
    this.#deflate = websocket.deflate;
    this.#headed = headed;
    this.#direct = !this.#compressed && !headed;
  }

  /** Bytes accepted and not yet handed to the operating system. */
  get bufferedAmount(): number {
    return this.#websocket.bufferedAmount + this.#bytes;
  }

  /** Sends a string as a text message. */
  sendText(text: string): void {
    if (messageSent.hasSubscribers) this.#observer.sent(text, false, bytesOf(text));
    if (this.#direct) this.#append(textFrame(text));
    else this.#sendIndirectly(text, false);
  }

  /**
   * Sends binary data as a binary message, another object as the text of its JSON.
   *
   * @throws {TypeError} for anything else; nothing is sent
   */
  send(message: unknown): void {
    if (message instanceof Blob) {
      if (messageSent.hasSubscribers) this.#observer.sent(message, true, message.size);
      this.#sendThroughWs(this.#headed ? headed(PLAIN_LINE, message) : message, true);
      return;
    }
    const data = typeof message === 'object' && message !== null ? asBuffer(message) : undefined;
    if (data === undefined) {
      this.sendText(asJson(message, 'WebSocketConnection.send()'));
      return;
    }
    if (messageSent.hasSubscribers) this.#observer.sent(data, true, data.length);
    if (this.#direct) this.#appendFrame(binaryFrame(data));
    else this.#sendIndirectly(data, true);
  }

  /** Sends a message that many connections share: its frame is made once for all of them. */
  sendShared(message: SharedMessage): void {
    if (messageSent.hasSubscribers) this.#observer.sent(message.data, message.isBinary, message.bytes);
    if (this.#compressed) {
      this.#sendSharedCompressed(message);
      return;
    }
    const frame = this.#headed ? message.headedFrame : message.frame;
    if (this.#held !== 0 || frame === undefined) {
      this.#sendThroughWs(this.#headed ? message.headedData : message.data, message.isBinary);
    } else {
      this.#appendFrame(frame);
    }
  }

  /** Sends what is for this connection alone, not the application's: a header line. */
  sendHeader(line: string): void {
    if (this.#isWritable(line)) this.#append(textFrame(line));
    else this.#sendThroughWs(line, false);
  }

  /** Hands what waits to the socket now. */
  flush(): void {
    const first = this.#first;
    if (first === null) return;
    const rest = this.#rest;
    const bytes = this.#bytes;
    this.#first = null;
    this.#rest = null;
    this.#bytes = 0;
    const socket = this.#socket;
    // After an end or a reset nothing can be written; writing would emit an error.
    if (!socket.writable) return;
    // A buffer that its owner transferred away meanwhile is empty: what follows its header would be taken for its content.
    if (lengthOf(first, rest) !== bytes) {
      detached.runInAsyncScope(() => this.#observer.lost());
      return;
    }
    const written = this.#drain?.check;
    if (rest === null) {
      socket.write(first, written);
    } else if (bytes <= COPY_LIMIT) {
      socket.write(Buffer.concat([first, ...rest], bytes), written);
    } else {
      socket.cork();
      socket.write(first);
      for (let index = 0; index < rest.length - 1; index++) socket.write(rest[index]!);
      socket.write(rest[rest.length - 1]!, written);
      socket.uncork();
    }
  }

  /** The turn is over: flushes, and looks whether the client keeps up. */
  endTurn(): void {
    this.#scheduled = false;
    this.flush();
    const buffered = this.#websocket.bufferedAmount;
    if (buffered - this.#lastBytes > this.#limit && this.#websocket.readyState === this.#websocket.OPEN) {
      detached.runInAsyncScope(() => this.#observer.overflow(buffered));
    }
  }

  /** Resolves when no more than `threshold` bytes are buffered; rejects if the connection closes first. */
  drain(threshold: number): Promise<void> {
    if (typeof threshold !== 'number' || !(threshold >= 0)) {
      throw new RangeError(
        `WebSocketConnection.drain(): the threshold must be a number of bytes, 0 or more, got ${String(threshold)}`,
      );
    }
    if (this.#websocket.readyState === this.#websocket.CLOSED || this.#socket.destroyed) {
      return Promise.reject(new Error('WebSocketConnection.drain(): the connection is closed'));
    }
    if (this.bufferedAmount <= threshold) return Promise.resolve();
    this.#drain ??= new DrainWatcher(this);
    const drained = this.#drain.wait(threshold);
    // What waits for the end of the turn is written with a callback; what the socket holds already was not.
    if (this.#first === null) this.watchSocket();
    return drained;
  }

  /** The connection is closed: nothing that waits will be sent. */
  close(): void {
    this.#first = null;
    this.#rest = null;
    this.#bytes = 0;
    this.#drain?.fail();
    this.#drain = null;
  }

  #appendFrame(frame: Buffer | [header: Buffer, payload: Buffer]): void {
    if (Buffer.isBuffer(frame)) {
      this.#append(frame);
    } else {
      this.#append(frame[0]);
      this.#append(frame[1]);
      this.#lastBytes = frame[0].length + frame[1].length;
    }
  }

  #append(chunk: Buffer): void {
    this.#bytes += chunk.length;
    this.#lastBytes = chunk.length;
    if (this.#first === null) {
      this.#first = chunk;
      this.#schedule();
    } else if (this.#rest === null) {
      this.#rest = [chunk];
    } else {
      this.#rest.push(chunk);
    }
  }

  /** Sends behind a header line, or through `ws`, or both. */
  #sendIndirectly(data: string | Buffer, isBinary: boolean): void {
    const isText = typeof data === 'string';
    if (!this.#isWritable(data)) {
      if (!this.#headed) this.#sendThroughWs(data, isBinary);
      else this.#sendThroughWs(isText ? PLAIN_LINE + data : headed(PLAIN_LINE, data), isBinary);
    } else if (isText) {
      this.#append(textFrame(this.#headed ? PLAIN_LINE + data : data));
    } else {
      this.#appendFrame(this.#headed ? headedFrame(PLAIN_LINE, data, true) : binaryFrame(data));
    }
  }

  /** Whether a message is written as it is, not compressed: behind nothing that `ws` holds, and short enough. */
  #isWritable(data: string | Buffer): boolean {
    if (this.#held !== 0) return false;
    if (!this.#compressed) return true;
    // A header line of the sub-protocol counts, too.
    return this.#deflate !== undefined && this.#deflate.leaves(bytesOf(data) + PLAIN_LINE.length);
  }

  /** What is compressed once for all is written as plain frames are, unless `ws` holds what comes before it. */
  #sendSharedCompressed(message: SharedMessage): void {
    const frame =
      this.#deflate === undefined || this.#held !== 0
        ? undefined
        : message.compressedFrame(this.#deflate, this.#headed);
    if (frame === undefined)
      this.#sendThroughWs(this.#headed ? message.headedData : message.data, message.isBinary);
    else this.#appendFrame(frame);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    endOfTurn(this);
  }

  #sendThroughWs(data: string | Buffer | Blob, isBinary: boolean): void {
    this.flush();
    this.#schedule();
    const isHeld = this.#compressed || data instanceof Blob;
    if (isHeld) {
      this.#held++;
      this.#direct = false;
    }
    const before = this.#websocket.bufferedAmount;
    // ws sends Blobs, its types don't say so yet.
    this.#websocket.send(data as Buffer, { binary: isBinary }, (error) => {
      // A Blob that can not be read is an error that ws emits.
      if (isHeld && --this.#held === 0) this.#direct = !this.#compressed && !this.#headed;
      this.#drain?.check(error);
    });
    this.#lastBytes = this.#websocket.bufferedAmount - before;
  }

  /**
   * Has the drain hear when all that the socket holds is written, frames of `ws` (ping, pong, close) among it, which nobody else tells of:
   * an empty write comes after them. What `ws` itself holds back, it tells of.
   */
  watchSocket(): void {
    const socket = this.#socket;
    if (this.#watching || socket.writableLength === 0) return;
    this.#watching = true;
    const seen = (error?: Error | null): void => {
      this.#watching = false;
      this.#drain?.check(error);
    };
    // After our side has ended nothing more can be written; the end itself comes after what was.
    if (socket.writable) socket.write('', seen);
    else socket.once('finish', seen);
  }
}

function lengthOf(first: Buffer, rest: readonly Buffer[] | null): number {
  let length = first.length;
  if (rest !== null) for (let index = 0; index < rest.length; index++) length += rest[index]!.length;
  return length;
}
