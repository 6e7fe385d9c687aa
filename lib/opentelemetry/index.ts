export type { WebSocketInstrumentationConfig } from './instrumentation-config.js';
export { WebSocketInstrumentation } from './web-socket-instrumentation.js';
