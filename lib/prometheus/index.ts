export { MetricExistsError } from './metric-exists.error.js';
export type { WebSocketMetricsExtras, WebSocketMetricsOptions } from './metrics-options.js';
export { WebSocketMetricsModule } from './web-socket-metrics.module.js';
