import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { Registry } from 'prom-client';
import { checkNames } from '../errors/check-names.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';

/** The options of {@link WebSocketMetricsModule} (reference 18.2). */
export interface WebSocketMetricsOptions {
  /**
   * Where the metrics are kept: the application's own registry, such as `register` of `prom-client`, if they are to be scraped with its
   * others.
   *
   * @default a registry of their own
   */
  registry?: Registry;
  /** Whether the durations of hooks are measured: the one thing here that costs each message something. @default true */
  hooks?: boolean;
}

/** What the module's own definition needs, which no factory can tell it. */
export interface WebSocketMetricsExtras {
  /** Where the metrics are served, below the application's global prefix; `false`: nowhere, the registry is served otherwise. @default '/metrics' */
  path?: string | false;
}

const OPTIONS: Record<keyof WebSocketMetricsOptions, true> = { registry: true, hooks: true };
const OPTION_NAMES: ReadonlySet<string> = new Set(Object.keys(OPTIONS));
const OWNER = 'WebSocketMetricsModule';

export const {
  ConfigurableModuleClass: ConfigurableMetricsModuleClass,
  MODULE_OPTIONS_TOKEN: METRICS_OPTIONS,
  OPTIONS_TYPE: METRICS_OPTIONS_TYPE,
  ASYNC_OPTIONS_TYPE: METRICS_ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<WebSocketMetricsOptions>({ moduleName: 'WebSocketMetrics' })
  .setClassMethodName('forRoot')
  .setExtras<WebSocketMetricsExtras>({ path: '/metrics' })
  .build();

/** @throws {InvalidOptionError} for an option that there is none of, or of a wrong type */
export function checkMetricsOptions(options: WebSocketMetricsOptions): void {
  checkNames(options, OWNER, OPTION_NAMES);
  const { registry, hooks } = options;
  if (registry !== undefined && typeof (registry as Partial<Registry> | null)?.getSingleMetric !== 'function')
    throw new InvalidOptionError(OWNER, 'registry', registry, 'a Registry of prom-client');
  if (hooks !== undefined && typeof hooks !== 'boolean')
    throw new InvalidOptionError(OWNER, 'hooks', hooks, 'a boolean');
}

/** @throws {InvalidOptionError} for a path that is none */
export function checkMetricsPath(path: unknown): void {
  if (path === false || (typeof path === 'string' && path !== '')) return;
  throw new InvalidOptionError(OWNER, 'path', path, "a path, such as '/metrics', or false");
}
