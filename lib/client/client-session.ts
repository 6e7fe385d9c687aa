import { CONTRACT, type ContractClient } from '../contract/contract.js';
import type { ComponentSignature } from '../interfaces/ws-error.js';
import { headerEnd, headerLine } from '../protocol/frame.js';
import { decodeServerHeader, type ServerHeader } from '../protocol/server-header.js';
import { applicationProtocol, isV1, offersOf, V1_PROTOCOL } from '../protocol/sub-protocol.js';
import type { ResolvedClientOptions } from './client-options.js';
import { MAX_DELAY } from './client-options.js';
import type { ClientDisconnectEvent } from './events.js';
import type { HookRunner, HookStep } from './hook-runner.js';
import { decodeMessage, sizeOf, toFrame, toPayload } from './message.js';
import { Positions } from './positions.js';
import { BOOLEAN, check, TEXT, whole, type Rule } from './rule.js';
import { isFinal, reconnectDelay, UNAUTHORIZED } from './reconnect-policy.js';
import { StoredPositions } from './stored-positions.js';
import {
  OPEN,
  type Closing,
  type Payload,
  type Transport,
  type TransportObserver,
  type TransportSocket,
} from './transport.js';
import { WaitingMessages, type Leaves } from './waiting-messages.js';

/** How long the server may take to answer a close frame. */
const CLOSE_TIMEOUT = 5_000;

/** A connection that lasts so long was a good one: attempts are counted anew. */
const STABLE_AFTER = 5_000;

/** How long what waited goes on waiting for a refusal, where no hello tells that there is none. */
const SETTLE_TIME = 20;

const THRESHOLD = whole(0, 0, Infinity);

/** The codes that are an application's own (RFC 6455, section 7.4.2). */
const OWN_CODE = whole(0, 3000, 4999);

/** What an application may close with. */
const CODE: Rule = [1000, (code) => code === 1000 || OWN_CODE[1](code), `1000 or ${OWN_CODE[2]}`];

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
  readonly #ignorePage: (() => void) | undefined;

  #state: ClientStatus | 'Waiting' = 'Connecting';
  #socket: TransportSocket | undefined;
  // There is one thing to wait for at a time: the next attempt, its end, a word of the server, or the answer to a close frame.
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether messages go to the socket: from the beginning of `onOpen`. */
  #sends = false;
  #terminated = false;
  #heardAt = 0;
  /** Until a fresh token is asked for. */
  #refresh: ReturnType<typeof setTimeout> | undefined;

  /** Whether frames have header lines. */
  #framed = false;
  /** Where it stands by what it has received, and by what hooks have finished with. */
  #positions: Positions | undefined;
  #stored: StoredPositions | undefined;

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

  /** The client's end of its contract, if it has one. */
  readonly contract: ContractClient | undefined;

  constructor(options: ResolvedClientOptions, transport: Transport, hooks: HookRunner) {
    this.#options = options;
    this.#transport = transport;
    this.#hooks = hooks;
    this.contract = hooks.contract = options.contract?.[CONTRACT].connect({
      send: (text, leaves) => this.#send(text, leaves),
      run: (step) => hooks.run(step),
      call: (method, data, signal) => hooks.invoke(method, data, signal),
      fail: (error, errCode) => hooks.fail(error, errCode ? 'json' : 'user', errCode),
    });
    this.#ignorePage = transport.watchPage?.({
      back: () => {
        if (this.#state === 'Waiting') void this.#connect();
      },
      lost: () => {
        if (options.reconnect && this.#state === 'Connected')
          this.#abandon(new Error('The network was lost'));
      },
      left: () => this.#stored?.save(),
    });
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
    this.#send(toPayload(message));
  }

  /** @returns whether it was sent, or is kept */
  #send(payload: Payload, leaves?: Leaves): boolean {
    if (this.#terminated || this.#state === 'Closed') return false;
    if (this.#sendNow(payload, leaves)) return true;
    const { buffer, maxBufferedAmount } = this.#options;
    if (buffer) this.#waiting.add(payload, maxBufferedAmount, leaves);
    return buffer;
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

  opened(chosen: string): void {
    this.protocol = applicationProtocol(chosen);
    this.#framed = isV1(chosen);
    // A connection with the sub-protocol is open when the server has said hello: until then it may be refused.
    if (this.#framed) this.#socket!.send(headerLine(this.#positions!.header));
    else this.#open();
  }

  received(data: string | Uint8Array, isBinary: boolean): void {
    this.heard();
    if (this.#framed) this.#receiveFrame(data, isBinary);
    else this.#receiveMessage(data, isBinary);
  }

  heard(): void {
    this.#heardAt = performance.now();
  }

  /** @param interval how often the server promised to say something, where it can't be asked */
  #open(interval = 0): void {
    const socket = this.#socket!;
    const { heartbeat } = this.#options;
    clearTimeout(this.#timer);
    this.#state = 'Connected';
    this.#openedAt = this.#heardAt = performance.now();
    this.#watch(heartbeat && socket.ping ? heartbeat.interval : interval);
    const event = { type: 'open', reconnected: this.#connections++ > 0 };
    const isCurrent = () => socket === this.#socket;
    this.#hooks.run(
      () => {
        this.#sends = isCurrent();
        return this.#hooks.call('onOpen', event);
      },
      () => {
        // A server that refuses by a close frame sends it right behind the 101.
        if (this.#framed || !this.#waiting.bytes) return;
        this.#sends = false;
        return new Promise((resolve) => setTimeout(resolve, SETTLE_TIME));
      },
      () => {
        this.#sends = isCurrent();
        this.#flush();
      },
    );
  }

  #receiveFrame(frame: string | Uint8Array, isBinary: boolean): void {
    if (this.#state === 'Closing') return;
    let end: number;
    let header: ServerHeader | undefined;
    try {
      end = headerEnd(frame);
      if (end > 0) header = decodeServerHeader(frame, end);
      if ((this.#state === 'Connecting') !== (header?.[0] === 'hello'))
        throw new Error('No hello, or another');
    } catch (cause) {
      this.#abandon(new Error('The server breaks the sub-protocol', { cause }), 1002);
      return;
    }
    if (end === 0 || header?.[0] === 'message') this.#receiveMessage(frame.slice(end + 1), isBinary);
    if (header) this.#follow(header);
  }

  /** Does what a server told of topics, and of itself. */
  #follow(header: ServerHeader): void {
    const positions = this.#positions!;
    const topics = positions.apply(header);
    if (topics) this.#hooks.run(() => this.#hooks.call('onResume', { type: 'resume', topics }));
    if (header[0] === 'hello') this.#open(header[1].heartbeat);
    if (header[0] === 'refresh') this.#refreshAfter(header[1]);
    // When the hooks have finished with it.
    const stored = this.#stored;
    if (stored) this.#hooks.run(() => stored.apply(header));
  }

  /** Sends a fresh token, when the server wants one (reference 19.5). */
  #refreshAfter(delay: number): void {
    const attempt = this.#attempt;
    clearTimeout(this.#refresh);
    this.#refresh = setTimeout(
      () =>
        this.#token().then(
          (token) => {
            if (token && attempt === this.#attempt) this.#socket!.send(headerLine(['token', token]));
          },
          (error) => this.#hooks.run(() => this.#hooks.fail(error, 'user')),
        ),
      delay,
    );
  }

  async #token(): Promise<string | undefined> {
    const token = await this.#options.token?.();
    if (token) check(TEXT, 'token()', token);
    return token as string | undefined;
  }

  #receiveMessage(data: string | Uint8Array, isBinary: boolean): void {
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
    if (this.contract) this.contract.received(message);
    else this.#hooks.run(() => this.#hooks.call('onMessage', { type: 'message', data: message, isBinary }));
  }

  /** Notices that the server says nothing for so long, and then does not answer. */
  #watch(interval: number): void {
    const { heartbeat } = this.#options;
    if (!heartbeat || !interval) return;
    const heardAt = this.#heardAt;
    const afterSilence = (then: () => void, delay: number) => {
      this.#timer = setTimeout(() => (heardAt === this.#heardAt ? then() : this.#watch(interval)), delay);
    };
    // In two steps: a process that was busy or asleep reads what came meanwhile before it judges.
    afterSilence(
      () => {
        this.#socket!.ping?.();
        afterSilence(() => this.#abandon(new Error('The server does not answer')), heartbeat.timeout);
      },
      Math.min(heardAt + interval - performance.now(), MAX_DELAY),
    );
  }

  closed(closing: Closing): void {
    const { code = 1006, reason, error, errCode, componentSignature } = closing;
    // Too long for the server, perhaps: it is told of fewer the next time.
    if (code === 1009) this.#positions?.shorten();
    this.#attempt++;
    this.#socket = undefined;
    this.#sends = false;
    // What had been sent is lost, and will never have been handed over.
    if (this.#openedAt < Infinity) this.#losses++;
    clearTimeout(this.#timer);
    clearTimeout(this.#refresh);
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
      this.#ignorePage?.();
      this.#waiting = new WaitingMessages();
      steps.push(() => this.#hooks.call('onTerminate', { type: 'terminate', code, reason }));
    }
    this.#progress();
    this.contract?.lost(!event);
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
      const token = await this.#token();
      if (attempt !== this.#attempt) return;
      componentSignature = 'wsck';
      this.url = url;
      this.#socket = this.#transport.open(
        { ...this.#options, protocols: this.#offers(url), url, token: token! },
        this,
        this.#hooks,
      );
    } catch (error) {
      if (attempt === this.#attempt)
        this.closed({ error: error ?? new Error('No reason'), componentSignature });
    }
  }

  /** The sub-protocols to offer. */
  #offers(url: string): readonly string[] {
    const { resume, protocols } = this.#options;
    if (!resume) return protocols;
    const { storage, key } = resume;
    if (storage) {
      this.#stored ??= new StoredPositions(storage, key || `${V1_PROTOCOL}:${url.split('?')[0]}`, (error) =>
        this.#hooks.run(() => this.#hooks.fail(error, 'user')),
      );
    }
    this.#positions ??= new Positions(this.#stored?.found);
    return offersOf(protocols);
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
      const decided = retry ? retry(event) : again;
      // A promise is no decision, and whether it rejects nobody's concern.
      Promise.resolve(decided).catch(() => {});
      check(BOOLEAN, 'reconnect.retry()', decided);
      again = decided;
    } catch (error) {
      steps.push(() => this.#hooks.fail(error, 'user'));
    }
    return again ? event : undefined;
  }

  /** Begins the closing handshake, and does not wait for ever for its end. */
  #close(code: number, reason: string): void {
    clearTimeout(this.#timer);
    this.#state = 'Closing';
    this.#sends = false;
    this.#timer = setTimeout(() => this.#abandon(), CLOSE_TIMEOUT);
    this.#socket!.close(code, reason);
  }

  /** Ends the connection, or the attempt, without waiting for the server. */
  #abandon(error?: unknown, code?: number): void {
    this.#socket?.destroy(code);
    this.closed({ code, error, errCode: code });
  }

  #sendNow(payload: Payload, leaves?: Leaves): boolean {
    if (!this.#sends || this.#socket!.readyState !== OPEN) return false;
    if (leaves?.() === false) return true;
    this.#socket!.send(this.#framed ? toFrame(payload) : payload);
    return true;
  }

  #flush(): void {
    this.#waiting.flush((payload, leaves) => this.#sendNow(payload, leaves));
    this.#progress();
  }

  #progress(): void {
    for (const look of this.#watchers.splice(0)) look();
  }
}
