import type { AddressInfo } from 'node:net';
import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { FourDWebSocketModule, type FourDWebSocketModuleOptions } from 'nestjs-4d-websocket';

/** A running application under test. */
export interface TestApp {
  app: INestApplication;
  /** Without a slash at the end: `http://127.0.0.1:1234`. */
  url: string;
  wsUrl: string;
  port: number;
  close(): Promise<void>;
}

export interface TestAppOptions extends ModuleMetadata {
  /** Options of the module under test. */
  options?: FourDWebSocketModuleOptions;
  platform?: 'express' | 'fastify';
  /** The key and the certificate of an application that serves HTTPS. */
  https?: { key: Buffer; cert: Buffer };
  /** Where the application logs. @default nowhere */
  logger?: LoggerService;
  /** What main.ts would do before listening. */
  configure?: (app: INestApplication) => void;
}

const running = new Set<Pick<TestApp, 'close'>>();

/** Makes an application with the module under test and these providers; it does not listen yet. */
export async function createApp({
  options,
  platform = 'express',
  https,
  configure,
  logger,
  ...metadata
}: TestAppOptions): Promise<INestApplication> {
  const testingModule = await Test.createTestingModule({
    ...metadata,
    imports: [FourDWebSocketModule.forRoot(options), ...(metadata.imports ?? [])],
  }).compile();
  const app =
    platform === 'fastify'
      ? testingModule.createNestApplication(new FastifyAdapter(https && { https }), {
          logger: logger ?? false,
        })
      : testingModule.createNestApplication({ logger: logger ?? false, httpsOptions: https });
  configure?.(app);
  return app;
}

/** Starts an application on a free port of the loopback interface. */
export async function startApp(options: TestAppOptions): Promise<TestApp> {
  const app = await createApp(options);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const testApp: TestApp = {
    app,
    port,
    url: `http${options.https ? 's' : ''}://127.0.0.1:${port}`,
    wsUrl: `ws${options.https ? 's' : ''}://127.0.0.1:${port}`,
    close: async () => {
      running.delete(testApp);
      await app.close();
    },
  };
  running.add(testApp);
  return testApp;
}

/** Initialises an application that does not listen; `connect` of the testing entry needs no more. */
export async function initApp(options: TestAppOptions): Promise<INestApplication> {
  const app = await createApp(options);
  running.add(app);
  return app.init();
}

/** Closes what a test left running; for `afterEach`. */
export async function closeApps(): Promise<void> {
  const left = [...running];
  running.clear();
  await Promise.all(left.map((app) => app.close()));
}
