import { FixtureProcess } from './fixture.js';
import { freePort } from './free-port.js';

const FIXTURE = 'test/e2e/fixture/remembering.ts';

/** What became of a message that was published. */
export type Outcome = 'acknowledged' | 'rejected';

/** An instance whose topics remember, which can be killed and started again where it was. */
export interface RememberingInstance {
  readonly port: number;
  /** What became of each message; undefined if the instance was killed meanwhile. */
  publish(topic: string, messages: readonly string[]): Promise<Outcome[] | undefined>;
  /** Asks what its application knows. */
  ask<T>(command: string, ...args: unknown[]): Promise<T>;
  /** Stops it, or lets it go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** What connects instances in processes of their own: see fixture/remembering.ts. */
export type RememberingBackplane =
  'redis' | 'redis-cluster' | 'redis-sharded' | 'redis-sentinel' | 'nats' | 'nats-cluster';

/** The instances of one application. */
export interface RememberingApplication {
  readonly instances: readonly RememberingInstance[];
  stop(): Promise<void>;
}

class ProcessInstance implements RememberingInstance {
  #fixture: FixtureProcess | undefined;

  constructor(
    readonly port: number,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  async start(): Promise<void> {
    this.#fixture = await FixtureProcess.start(FIXTURE, {
      env: { ...this.env, PORTS: String(this.port), PORT_INDEX: '0' },
    });
  }

  async publish(topic: string, messages: readonly string[]): Promise<Outcome[] | undefined> {
    const fixture = this.#fixture!;
    let ended = false;
    void fixture.exited.then(() => (ended = true));
    try {
      return await fixture.call('publish', topic, messages);
    } catch (error) {
      if (!ended) throw error;
      return undefined;
    }
  }

  ask<T>(command: string, ...args: unknown[]): Promise<T> {
    return this.#fixture!.call(command, ...args);
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#fixture!.kill(signal);
  }

  async kill(): Promise<void> {
    await this.#fixture?.stop();
  }
}

class WorkerInstance implements RememberingInstance {
  constructor(
    readonly port: number,
    private readonly fixture: FixtureProcess,
    private readonly index: number,
  ) {}

  async publish(topic: string, messages: readonly string[]): Promise<Outcome[] | undefined> {
    return (await this.ask<Outcome[] | null>('publish', topic, messages)) ?? undefined;
  }

  ask<T>(command: string, ...args: unknown[]): Promise<T> {
    return this.fixture.call(command, this.index, ...args);
  }

  signal(): void {
    throw new Error('a worker is stopped with its primary');
  }

  async kill(): Promise<void> {
    await this.ask('kill');
  }

  async start(): Promise<void> {
    await this.ask('start');
  }
}

/** Starts instances that a broker connects. */
export async function startRemembering(
  backplane: RememberingBackplane,
  brokerPorts: number | readonly number[],
  count = 2,
): Promise<RememberingApplication> {
  const instances: ProcessInstance[] = [];
  const env = { BACKPLANE: backplane, BROKER_PORTS: [brokerPorts].flat().join(',') };
  for (let index = 0; index < count; index++) instances.push(new ProcessInstance(await freePort(), env));
  await Promise.all(instances.map((instance) => instance.start()));
  return {
    instances,
    stop: async () => void (await Promise.all(instances.map((instance) => instance.kill()))),
  };
}

/** Starts a primary with workers. */
export async function startRememberingWorkers(count = 2): Promise<RememberingApplication> {
  const ports: number[] = [];
  for (let index = 0; index < count; index++) ports.push(await freePort());
  const fixture = await FixtureProcess.start(FIXTURE, {
    env: { BACKPLANE: 'cluster', PORTS: ports.join(',') },
  });
  return {
    instances: ports.map((port, index) => new WorkerInstance(port, fixture, index)),
    stop: () => fixture.stop(),
  };
}
