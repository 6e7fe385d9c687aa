import { connect, TestClient } from './client.js';
import { FixtureProcess } from './fixture.js';

/** A message, as the instances read it from JSON. */
export type TestMessage =
  { type: 'text' | 'binary' | 'blob'; value: string; length?: number } | { type: 'json'; value: object };

export function text(value: string): TestMessage {
  return { type: 'text', value };
}

/** One instance of the application of `fixture/instance.ts`. */
export interface Instance {
  readonly url: string;
  readonly pid: number;
  call<T = unknown>(command: string, ...args: unknown[]): Promise<T>;
  /** All that its process printed. */
  readonly output: string;
  stop(): Promise<void>;
}

/** A client, and the id of its connection. */
export interface IdentifiedClient {
  id: number;
  client: TestClient;
}

const FIXTURE = 'test/e2e/fixture/instance.ts';
const running = new Set<FixtureProcess>();

/** Starts one instance; rejects with what it printed if it does not start. */
export async function startInstance(
  backplane: string,
  settings: object = {},
  env: NodeJS.ProcessEnv = {},
): Promise<Instance> {
  const fixture = await FixtureProcess.start(FIXTURE, {
    env: { BACKPLANE: backplane, SETTINGS: JSON.stringify(settings), ...env },
  });
  running.add(fixture);
  return {
    url: fixture.url,
    pid: fixture.pid,
    call: (command, ...args) => fixture.call(command, ...args),
    get output() {
      return fixture.output;
    },
    stop: () => stop(fixture),
  };
}

/** Starts a primary with that many workers. */
export async function startWorkers(count: number, env: NodeJS.ProcessEnv = {}): Promise<Instance[]> {
  const fixture = await FixtureProcess.start(FIXTURE, {
    env: { BACKPLANE: 'cluster', INSTANCES: String(count), ...env },
  });
  running.add(fixture);
  const workers = fixture.ready.workers as { port: number; pid: number }[];
  return workers.map(({ port, pid }, index) => ({
    url: `ws://127.0.0.1:${port}`,
    pid,
    call: (command, ...args) => fixture.call(command, index, ...args),
    get output() {
      return fixture.output;
    },
    stop: () => stop(fixture),
  }));
}

/** Ends all instances; for `afterEach`. */
export async function stopInstances(): Promise<void> {
  await Promise.all(Array.from(running, stop));
}

async function stop(fixture: FixtureProcess): Promise<void> {
  running.delete(fixture);
  await fixture.stop();
}

/** Connects to an instance, and learns its id. */
export async function connectTo({ url }: Instance, path = '/chat'): Promise<IdentifiedClient> {
  const client = await connect(url + path);
  return { client, id: Number(await client.next()) };
}

/** Waits until something holds; the question itself takes the time between two looks. Fails after `limit` milliseconds. */
export async function until(holds: () => Promise<boolean>, limit = 30_000): Promise<void> {
  const started = performance.now();
  while (!(await holds())) {
    if (performance.now() - started > limit) {
      throw new Error(`not true within ${limit} ms: ${String(holds)}`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
