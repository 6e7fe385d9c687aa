export type { WebSocketInspectorExtras, WebSocketInspectorOptions } from './inspector-options.js';
export { WebSocketInspectorModule } from './web-socket-inspector.module.js';
