import type { ComponentSignature } from '../interfaces/ws-error.js';
import type { ResolvedClientOptions } from './client-options.js';
import { MAX_DELAY } from './client-options.js';
import type { ClientDisconnectEvent } from './events.js';
import type { HookRunner, HookStep } from './hook-runner.js';
import { decodeMessage, sizeOf, toPayload } from './message.js';
import { check, whole, type Rule } from './rule.js';
import { isFinal, reconnectDelay, UNAUTHORIZED } from './reconnect-policy.js';
import {
  OPEN,
  type Closing,
  type Payload,
  type Transport,
  type TransportObserver,
  type TransportSocket,
} from './transport.js';
import { WaitingMessages } from './waiting-messages.js';

/** How long the server may take to answer a close frame. */
const CLOSE_TIMEOUT = 5_000;

/** A connection that lasts so long was a good one: attempts are counted anew. */
const STABLE_AFTER = 5_000;

const THRESHOLD = whole(0, 0, Infinity);

/** What an application may close with. */
const CODE: Rule = [
  1000,
  (code) => code === 1000 || (Number.isInteger(code) && (code as number) >= 3000 && (code as number) < 5000),
  '1000 or a whole number from 3000 to 4999',
];

const TEXT: Rule = ['', (value) => typeof value === 'string', 'a string'];

/** A control frame holds 125 bytes; two are the code (RFC 6455, section 5.5). */
const REASON_LENGTH = whole(0, 0, 123);

/** Where a client stands (reference 15.2). */
export type ClientStatus = 'Connecting' | 'Connected' | 'Closing' | 'Closed';

/** The life of a client: connections, one after the other, until there is to be no other (reference 15.3 to 15.5). */
export class ClientSession implements TransportObserver {
  readonly #options: ResolvedClientOptions;
  readonly #transport: Transport;
  readonly #hooks: HookRunner;
  #waiting = new WaitingMessages();
  readonly #ignoreNetwork: (() => void) | undefined;

  #state: ClientStatus | 'Waiting' = 'Connecting';
  #socket: TransportSocket | undefined;
  // There is one thing to wait for at a time: the next attempt, its end, or the answer to a close frame.
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether messages go to the socket: from the beginning of `onOpen`. */
  #sends = false;
  #terminated = false;

  /** Those who wait for something to leave, or to be lost. */
  #watchers: (() => void)[] = [];
  #losses = 0;

  #connections = 0;
  #openedAt = Infinity;
  #attempts = 0;
  #unauthorized = false;
  /** Tells an attempt whose URL or token comes too late from the present one. */
  #attempt = 0;

  url = '';
  protocol = '';

  constructor(options: ResolvedClientOptions, transport: Transport, hooks: HookRunner) {
    this.#options = options;
    this.#transport = transport;
    this.#hooks = hooks;
    if (options.reconnect) {
      this.#ignoreNetwork = transport.watchNetwork?.(
        () => {
          if (this.#state === 'Waiting') void this.#connect();
        },
        () => {
          if (this.#state === 'Connected') this.#abandon(new Error('The network was lost'));
        },
      );
    }
    void this.#connect();
  }

  get status(): ClientStatus {
    if (this.#state === 'Waiting') return 'Connecting';
    return this.#state === 'Connected' && this.#socket!.readyState !== OPEN ? 'Closing' : this.#state;
  }

  get bufferedAmount(): number {
    return this.#waiting.bytes + (this.#socket?.bufferedAmount ?? 0);
  }

  send(message: unknown): void {
    const payload = toPayload(message);
    if (this.#terminated || this.#state === 'Closed') return;
    if (!this.#sendNow(payload) && this.#options.buffer)
      this.#waiting.add(payload, this.#options.maxBufferedAmount);
  }

  drain(threshold: number): Promise<void> {
    check(THRESHOLD, 'threshold', threshold);
    return this.#drain(threshold);
  }

  async #drain(threshold: number): Promise<void> {
    const losses = this.#losses;
    while (this.#state !== 'Closed' && losses === this.#losses) {
      if (this.bufferedAmount <= threshold) return;
      await new Promise<void>((resolve) => {
        this.#watchers.push(resolve);
        this.#socket?.whenSent(() => this.#progress());
      });
    }
    throw new Error('The connection closed');
  }

  terminate(code: number, reason: string): void {
    check(CODE, 'code', code);
    check(TEXT, 'reason', reason);
    check(REASON_LENGTH, 'reason.length', sizeOf(reason));
    if (this.#terminated || this.#state === 'Closed') return;
    this.#terminated = true;
    if (this.#state === 'Connected') {
      this.#sends = true;
      this.#flush();
      this.#close(code, reason);
    } else if (this.#state !== 'Closing') {
      this.#abandon();
    }
  }

  opened(protocol: string): void {
    const socket = this.#socket!;
    clearTimeout(this.#timer);
    this.#state = 'Connected';
    this.#openedAt = performance.now();
    this.protocol = protocol;
    const event = { type: 'open', reconnected: this.#connections++ > 0 };
    const isCurrent = () => socket === this.#socket;
    this.#hooks.run(
      () => {
        this.#sends = isCurrent();
        return this.#hooks.call('onOpen', event);
      },
      () => {
        if (isCurrent()) this.#flush();
      },
    );
  }

  received(data: string | Uint8Array, isBinary: boolean): void {
    if (this.#state !== 'Connected') return;
    const { dataType } = this.#options;
    let message: unknown;
    try {
      message = decodeMessage(data, dataType);
    } catch (cause) {
      const error = new Error('A message can not be decoded', { cause });
      if (dataType === 'object') this.#hooks.run(() => this.#hooks.fail(error, 'json', 1007));
      else this.#abandon(error, 1007);
      return;
    }
    this.#hooks.run(() => this.#hooks.call('onMessage', { type: 'message', data: message, isBinary }));
  }

  closed(closing: Closing): void {
    const { code = 1006, reason, error, errCode, componentSignature } = closing;
    this.#attempt++;
    this.#socket = undefined;
    this.#sends = false;
    // What had been sent is lost, and will never have been handed over.
    if (this.#openedAt < Infinity) this.#losses++;
    clearTimeout(this.#timer);
    // A hook may end the client: all of them wait until there is no more to be decided.
    const steps: HookStep[] = [];
    if (error !== undefined) steps.push(() => this.#hooks.fail(error, componentSignature, errCode));
    const event = this.#nextAttempt(code, closing, steps);
    if (event) {
      this.#state = 'Waiting';
      this.#timer = setTimeout(() => void this.#connect(), event.delay);
      steps.push(() => this.#hooks.call('onDisconnect', event));
    } else {
      this.#state = 'Closed';
      this.#ignoreNetwork?.();
      this.#waiting = new WaitingMessages();
      steps.push(() => this.#hooks.call('onTerminate', { type: 'terminate', code, reason }));
    }
    this.#progress();
    this.#hooks.closed?.();
    this.#hooks.run(...steps);
  }

  /** Makes an attempt. It never rejects. */
  async #connect(): Promise<void> {
    clearTimeout(this.#timer);
    const attempt = ++this.#attempt;
    const { connectTimeout } = this.#options;
    let componentSignature: ComponentSignature = 'user';
    this.#state = 'Connecting';
    this.#timer = setTimeout(
      () => this.#abandon(new Error(`No connection within ${connectTimeout} ms`)),
      connectTimeout,
    );
    try {
      const url = await this.#options.url();
      const token = await this.#options.token?.();
      if (attempt !== this.#attempt) return;
      if (token) check(TEXT, 'token()', token);
      componentSignature = 'wsck';
      this.url = url;
      this.#socket = this.#transport.open({ ...this.#options, url, token: token as string }, this);
    } catch (error) {
      if (attempt === this.#attempt) this.closed({ error, componentSignature });
    }
  }

  /** The event of the attempt that follows; nothing if the client gives up (reference 15.4). */
  #nextAttempt(
    code: number,
    { reason, componentSignature, retryAfter = 0 }: Closing,
    steps: HookStep[],
  ): ClientDisconnectEvent | undefined {
    const { reconnect, token } = this.#options;
    if (performance.now() - this.#openedAt >= STABLE_AFTER) {
      this.#attempts = 0;
      this.#unauthorized = false;
    }
    this.#openedAt = Infinity;
    if (!reconnect || this.#terminated) return undefined;
    if (++this.#attempts > reconnect.maxAttempts) return undefined;
    const { minDelay, maxDelay, retry } = reconnect;
    const delay = Math.min(retryAfter + reconnectDelay(this.#attempts, minDelay, maxDelay), MAX_DELAY);
    const event: ClientDisconnectEvent = { type: 'disconnect', code, reason, attempt: this.#attempts, delay };
    let again = !isFinal(code, componentSignature === 'http');
    if (code === UNAUTHORIZED && token && !this.#unauthorized) this.#unauthorized = again = true;
    try {
      again = retry ? retry(event) : again;
    } catch (error) {
      steps.push(() => this.#hooks.fail(error, 'user'));
    }
    return again ? event : undefined;
  }

  /** Begins the closing handshake, and does not wait for ever for its end. */
  #close(code: number, reason: string): void {
    this.#state = 'Closing';
    this.#sends = false;
    this.#timer = setTimeout(() => this.#abandon(), CLOSE_TIMEOUT);
    this.#socket!.close(code, reason);
  }

  /** Ends the connection, or the attempt, without waiting for the server. */
  #abandon(error?: Error, code?: number): void {
    this.#socket?.destroy(code);
    this.closed({ code, error, errCode: code });
  }

  #sendNow(payload: Payload): boolean {
    if (!this.#sends || this.#socket!.readyState !== OPEN) return false;
    this.#socket!.send(payload);
    return true;
  }

  #flush(): void {
    this.#waiting.flush((payload) => this.#sendNow(payload));
    this.#progress();
  }

  #progress(): void {
    for (const look of this.#watchers.splice(0)) look();
  }
}
