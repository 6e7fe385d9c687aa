import { Module, type DynamicModule } from '@nestjs/common';
import { metricsController } from './metrics.controller.js';
import { MetricsCollector } from './metrics-collector.js';
import {
  checkMetricsPath,
  ConfigurableMetricsModuleClass,
  type METRICS_ASYNC_OPTIONS_TYPE,
  type METRICS_OPTIONS_TYPE,
  type WebSocketMetricsExtras,
} from './metrics-options.js';

/** Counts what the WebSocket servers of the application do, for Prometheus (reference 18.2). */
@Module({ providers: [MetricsCollector] })
export class WebSocketMetricsModule extends ConfigurableMetricsModuleClass {
  /**
   * @throws {InvalidOptionError} for an option that there is none of, or of a wrong type
   * @throws {MetricExistsError} at start-up, if the registry has metrics of these names
   */
  static override forRoot(options: typeof METRICS_OPTIONS_TYPE = {}): DynamicModule {
    return serving(super.forRoot(options), options);
  }

  /**
   * With options that `useFactory`, `useClass` or `useExisting` give; the path stands beside these.
   *
   * @throws {InvalidOptionError} for an option that there is none of, or of a wrong type
   * @throws {MetricExistsError} at start-up, if the registry has metrics of these names
   */
  static override forRootAsync(options: typeof METRICS_ASYNC_OPTIONS_TYPE): DynamicModule {
    return serving(super.forRootAsync(options), options);
  }
}

function serving(module: DynamicModule, { path = '/metrics' }: WebSocketMetricsExtras): DynamicModule {
  checkMetricsPath(path);
  return path === false ? module : { ...module, controllers: [metricsController(path)] };
}
