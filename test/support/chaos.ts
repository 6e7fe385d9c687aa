import { setTimeout as delay } from 'node:timers/promises';
import {
  FourDWebSocket,
  type ClientResumeEvent,
  type ClientTerminateEvent,
} from 'nestjs-4d-websocket/client';
import type { Broker } from './brokers.js';
import { CuttingProxy } from './cutting-proxy.js';
import { until } from './patience.js';
import { Random } from './random.js';
import type { RememberingApplication, RememberingInstance } from './remembering-instances.js';

export const TOPIC = 'room';
/** What a client is told, beside what is remembered, when it follows the topic. */
const HERE = 'here';
/** How long a case may take on a machine that is busy. */
export const LIMIT = 60_000;

/** What makes messages longer. */
const PADDING = ' ';

function withoutPadding(message: string): string {
  return message.replaceAll(/ {2,}/g, ' ');
}

/** A client that writes down what it is told. */
export class Listener {
  readonly messages: string[] = [];
  readonly losses: ClientResumeEvent[] = [];
  readonly errors: string[] = [];
  connections = 0;
  isHere = false;
  readonly #ws: FourDWebSocket;

  constructor(url: string) {
    const handler = {
      onOpen: () => void this.connections++,
      onMessage: (_ws: unknown, { data }: { data: string }) => {
        if (data === HERE) this.isHere = true;
        else this.messages.push(withoutPadding(data));
      },
      onResume: (_ws: unknown, event: ClientResumeEvent) => {
        if (Object.values(event.topics).some(({ recovered }) => !recovered)) this.losses.push(event);
      },
      onTerminate: (_ws: unknown, { code, reason }: ClientTerminateEvent) =>
        void this.errors.push(`ended with ${code} ${reason ?? ''}`),
    };
    this.#ws = new FourDWebSocket(url, handler, { reconnect: { minDelay: 1, maxDelay: 30 } });
  }

  end(): void {
    this.#ws.terminate();
  }
}

export interface Settings {
  clients: number;
  /** How many each instance publishes; may be changed while it does. */
  messages: number;
  /** How many an instance publishes at once. */
  batch: number;
  /** How many of the instances publish; the others only listen. @default all of them */
  publishers?: number;
  /** How many characters a message has beside what it says. @default 0 */
  padding?: number;
  /** How long an instance waits when a message was rejected, in milliseconds. @default 20 */
  pause?: number;
  /** After how many bytes a line is cut. @default 6,000 */
  lineBytes?: number;
}

/** Instances, clients behind a proxy that cuts their lines, and what is published to them meanwhile. */
export class Chaos {
  readonly random: Random;
  readonly #seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  listeners: Listener[] = [];
  proxy!: CuttingProxy;
  readonly acknowledged = new Set<string>();
  readonly rejected = new Set<string>();
  /** How many were published, or lost with their instance. */
  published = 0;

  constructor(
    readonly application: RememberingApplication,
    readonly settings: Settings,
    readonly brokers: readonly Broker[] = [],
  ) {
    this.random = new Random(this.#seed);
  }

  /** The instances that publish. */
  get publishers(): readonly RememberingInstance[] {
    return this.application.instances.slice(0, this.settings.publishers);
  }

  get total(): number {
    return this.settings.messages * this.publishers.length;
  }

  /** The clients come, and are there. */
  async gather(): Promise<void> {
    const { instances } = this.application;
    this.proxy = await CuttingProxy.start(
      this.random,
      instances.map(({ port }) => port),
      this.settings.lineBytes ?? 6_000,
    );
    const url = `${this.proxy.url}/room?topic=${TOPIC}`;
    this.listeners = Array.from({ length: this.settings.clients }, () => new Listener(url));
    await until(() => this.listeners.every(({ isHere }) => isHere));
    this.proxy.cut();
  }

  /** All instances publish all of theirs; `meanwhile` happens meanwhile. */
  async publish(meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const publishing = this.publishers.map((instance, index) =>
      this.#publishAll(instance, `instance ${index}`),
    );
    await Promise.all([...publishing, meanwhile()]);
  }

  /** Resolves when so many messages are published, or lost. */
  async reached(share: number): Promise<void> {
    await until(() => this.published >= share * this.total, LIMIT);
  }

  /** Everybody has all that there is, once, in order. */
  async check(): Promise<void> {
    this.proxy.rest();
    const messages = await this.#remembered();
    const arrived = new Set(messages);
    expect([...this.acknowledged].filter((message) => !arrived.has(message))).toEqual([]);
    await this.#arrive(messages.at(-1)!);
    for (const listener of this.listeners) {
      const seed = this.#seed;
      const { losses, errors } = listener;
      expect({ seed, losses, errors }).toEqual({ seed, losses: [], errors: [] });
      expect(listener.messages).toEqual(messages);
    }
    await this.#report(messages);
  }

  /**
   * Nobody has a message twice, or out of order; who lacks one was told; and from then on everybody has all that there is. For
   * stores that may lose what they acknowledged.
   */
  async checkWhatIsTold(): Promise<void> {
    this.proxy.rest();
    await this.#reachEverybody();
    const messages = await this.#remembered();
    for (const { messages: heard, losses, errors } of this.listeners) {
      const seed = this.#seed;
      expect({ seed, errors }).toEqual({ seed, errors: [] });
      expect(new Set(heard).size).toBe(heard.length);
      this.#checkOrder(heard);
      const told = losses.length > 0;
      const known = new Set(heard);
      const lacks = [...messages, ...this.acknowledged].filter((message) => !known.has(message));
      expect({ seed, told, lacks: told ? [] : lacks }).toEqual({ seed, told, lacks: [] });
      const kept = new Set(messages);
      const rest = heard.filter((message) => kept.has(message));
      expect(rest).toEqual(messages.slice(messages.length - rest.length));
    }
    await this.#report(messages);
  }

  /** What the history has, which has no holes. */
  async #remembered(): Promise<string[]> {
    const history = await this.application.instances[0]!.ask<[number, string][]>('history', TOPIC);
    expect(history.map(([offset]) => offset)).toEqual(history.map((_, index) => index + 1));
    const messages = history.map(([, message]) => withoutPadding(message));
    expect(new Set(messages).size).toBe(messages.length);
    this.#checkOrder(messages);
    return messages;
  }

  /** What an instance says stands in the order in which it said it. */
  #checkOrder(messages: readonly string[]): void {
    for (const index of this.application.instances.keys()) {
      const numbers = messages
        .filter((message) => message.startsWith(`instance ${index} `))
        .map((message) => Number(message.split(' ').at(-1)));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  }

  /** Waits until everybody has a message; who has not is found by what follows. */
  async #arrive(message: string): Promise<void> {
    const isThere = (): boolean => this.listeners.every(({ messages }) => messages.includes(message));
    await until(isThere, 15_000).catch(() => undefined);
  }

  /** Publishes until everybody has what came last: who comes late and brings a position of before begins with what is live. */
  async #reachEverybody(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const text = `attempt ${attempt} reaches everybody`;
      const [outcome] = (await this.publishers[0]!.publish(TOPIC, [text]))!;
      if (outcome === 'acknowledged') this.acknowledged.add(text);
      const isThere = (): boolean => this.listeners.every(({ messages }) => messages.at(-1) === text);
      if (
        await until(isThere, 1_000).then(
          () => true,
          () => false,
        )
      )
        return;
      expect(attempt).toBeLessThan(15);
    }
  }

  async #report(messages: readonly string[]): Promise<void> {
    const unhandled = await Promise.all(
      this.application.instances.map((instance) => instance.ask<string[]>('errors')),
    );
    expect(unhandled.flat().filter((error) => error.startsWith('unhandled'))).toEqual([]);
    if (process.env.VERBOSE) {
      const connections = this.listeners.reduce((sum, listener) => sum + listener.connections, 0);
      console.info(
        `${messages.length} messages, ${this.rejected.size} rejected, ${connections} connections, ` +
          `${this.proxy.cuts} cuts`,
        unhandled,
      );
    }
  }

  async end(): Promise<void> {
    for (const listener of this.listeners) listener.end();
    await this.proxy?.close();
    await this.application.stop();
    await Promise.all(this.brokers.map((broker) => broker.stop()));
  }

  async #publishAll(instance: RememberingInstance, label: string): Promise<void> {
    const { settings } = this;
    const { batch, padding = 0 } = settings;
    const speaker = label + PADDING.repeat(padding);
    for (let from = 0; from < settings.messages; from += batch) {
      const length = Math.min(batch, settings.messages - from);
      const texts = Array.from({ length }, (_, index) => `${speaker} says ${from + index}`);
      const outcomes = await instance.publish(TOPIC, texts);
      this.published += length;
      if (outcomes === undefined) {
        // It was killed: it goes on when it is there again.
        await this.back(instance);
        continue;
      }
      for (const [index, outcome] of outcomes.entries()) {
        const text = withoutPadding(texts[index]!);
        if (outcome === 'acknowledged') this.acknowledged.add(text);
        else {
          expect(outcome).toBe('rejected');
          this.rejected.add(text);
        }
      }
      // While the broker is away, messages are refused at once.
      if (outcomes.includes('rejected')) await delay(settings.pause ?? 20);
    }
  }

  readonly #starting = new Map<RememberingInstance, Promise<void>>();

  async kill(instance: RememberingInstance): Promise<void> {
    let started: () => void = () => undefined;
    this.#starting.set(instance, new Promise((resolve) => (started = resolve)));
    await instance.kill();
    await delay(100);
    await instance.start();
    started();
  }

  async back(instance: RememberingInstance): Promise<void> {
    await this.#starting.get(instance);
  }
}
