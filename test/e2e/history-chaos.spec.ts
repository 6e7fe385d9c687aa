/** reference 16.2, 16.4, 16.5: lines are cut all the time, instances and brokers are killed, and nothing is missing. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  FourDWebSocket,
  type ClientResumeEvent,
  type ClientTerminateEvent,
} from 'nestjs-4d-websocket/client';
import { Broker, NATS, REDIS } from '../support/brokers.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { until } from '../support/patience.js';
import { Random } from '../support/random.js';
import {
  startRemembering,
  startRememberingWorkers,
  type RememberingApplication,
  type RememberingInstance,
} from '../support/remembering-instances.js';
import { describeWith } from '../support/requirement.js';

const ON_DISK = ['--appendonly', 'yes', '--appendfsync', 'always'];
const TOPIC = 'room';
/** What a client is told, beside what is remembered, when it follows the topic. */
const HERE = 'here';
/** How long a case may take on a machine that is busy. */
const LIMIT = 60_000;

/** A client that writes down what it is told. */
class Listener {
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
        else this.messages.push(data);
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

interface Settings {
  clients: number;
  /** How many each instance publishes. */
  messages: number;
  /** How many an instance publishes at once. */
  batch: number;
}

class Chaos {
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
    readonly broker?: Broker,
  ) {
    this.random = new Random(this.#seed);
  }

  get total(): number {
    return this.settings.messages * this.application.instances.length;
  }

  /** The clients come, and are there. */
  async gather(): Promise<void> {
    const { instances } = this.application;
    this.proxy = await CuttingProxy.start(
      this.random,
      instances.map(({ port }) => port),
      6_000,
    );
    const url = `${this.proxy.url}/room?topic=${TOPIC}`;
    this.listeners = Array.from({ length: this.settings.clients }, () => new Listener(url));
    await until(() => this.listeners.every(({ isHere }) => isHere));
    this.proxy.cut();
  }

  /** All instances publish all of theirs; `meanwhile` happens meanwhile. */
  async publish(meanwhile: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const publishing = this.application.instances.map((instance, index) =>
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
    const history = await this.application.instances[0]!.ask<[number, string][]>('history', TOPIC);
    expect(history.map(([offset]) => offset)).toEqual(history.map((_, index) => index + 1));
    const messages = history.map(([, message]) => message);
    const arrived = new Set(messages);
    expect(arrived.size).toBe(messages.length);
    expect([...this.acknowledged].filter((message) => !arrived.has(message))).toEqual([]);
    for (const index of this.application.instances.keys()) {
      const numbers = messages
        .filter((message) => message.startsWith(`instance ${index} `))
        .map((message) => Number(message.split(' ').at(-1)));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
    const last = messages.at(-1)!;
    await until(() => this.listeners.every((listener) => listener.messages.includes(last)), 15_000).catch(
      () => undefined,
    );
    for (const listener of this.listeners) {
      const seed = this.#seed;
      const { losses, errors } = listener;
      expect({ seed, losses, errors }).toEqual({ seed, losses: [], errors: [] });
      expect(listener.messages).toEqual(messages);
    }
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
    await this.broker?.stop();
  }

  async #publishAll(instance: RememberingInstance, label: string): Promise<void> {
    const { messages, batch } = this.settings;
    for (let from = 0; from < messages; from += batch) {
      const length = Math.min(batch, messages - from);
      const texts = Array.from({ length }, (_, index) => `${label} says ${from + index}`);
      const outcomes = await instance.publish(TOPIC, texts);
      this.published += length;
      if (outcomes === undefined) {
        // It was killed: it goes on when it is there again.
        await this.back(instance);
        continue;
      }
      for (const [index, outcome] of outcomes.entries()) {
        const text = texts[index]!;
        if (outcome === 'acknowledged') this.acknowledged.add(text);
        else {
          expect(outcome).toBe('rejected');
          this.rejected.add(text);
        }
      }
      // While the broker is away, messages are refused at once.
      if (outcomes.includes('rejected')) await delay(20);
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

let chaos: Chaos | undefined;

afterEach(async () => {
  await chaos?.end();
  chaos = undefined;
});

interface Kind {
  name: string;
  program: string;
  path: string;
  settings: Settings;
  start(settings: Settings): Promise<Chaos>;
  /** Whether there is a broker to kill. */
  broker: boolean;
}

const KINDS: Kind[] = [
  {
    name: 'Redis',
    program: 'redis-server',
    path: REDIS,
    settings: { clients: 20, messages: 2_500, batch: 25 },
    broker: true,
    start: async (settings) => {
      const broker = await Broker.redis(...ON_DISK);
      return new Chaos(await startRemembering('redis', broker.port), settings, broker);
    },
  },
  {
    name: 'NATS JetStream',
    program: 'nats-server',
    path: NATS,
    settings: { clients: 10, messages: 500, batch: 10 },
    broker: true,
    start: async (settings) => {
      const broker = await Broker.natsWithJetStream();
      return new Chaos(await startRemembering('nats', broker.port), settings, broker);
    },
  },
  {
    name: 'node:cluster',
    program: 'node',
    path: process.execPath,
    settings: { clients: 20, messages: 2_500, batch: 25 },
    broker: false,
    start: async (settings) => new Chaos(await startRememberingWorkers(), settings),
  },
];

for (const { name, program, path, settings, broker, start } of KINDS) {
  describeWith(program, path, `topics that remember, with ${name}`, () => {
    it(
      'lines are cut all the time: each client has all messages, once, in order',
      async () => {
        chaos = await start(settings);
        await chaos.gather();
        await chaos.publish();
        await chaos.check();
        expect(chaos.rejected.size).toBe(0);
        expect(chaos.acknowledged.size).toBe(chaos.total);
        expect(chaos.proxy.cuts).toBeGreaterThan(settings.clients);
      },
      LIMIT,
    );

    it(
      'an instance is killed, and started, meanwhile',
      async () => {
        const running = (chaos = await start(settings));
        await running.gather();
        await running.publish(async () => {
          await running.reached(0.25);
          await running.kill(running.application.instances[1]!);
          await running.reached(0.5);
          await running.kill(running.application.instances[0]!);
        });
        await running.check();
      },
      LIMIT,
    );

    if (broker) {
      it(
        'the broker is killed, and started, meanwhile: what was acknowledged arrives, the rest was rejected',
        async () => {
          const running = (chaos = await start(settings));
          await running.gather();
          await running.publish(async () => {
            await running.reached(0.3);
            await running.broker!.kill();
            await until(() => running.rejected.size > 0);
            await running.broker!.start();
          });
          await running.check();
          expect(running.acknowledged.size + running.rejected.size).toBe(running.total);
          expect(running.rejected.size).toBeGreaterThan(0);
        },
        LIMIT,
      );
    }
  });
}
