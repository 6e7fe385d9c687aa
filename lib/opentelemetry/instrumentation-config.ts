import type { Span } from '@opentelemetry/api';
import type { HandshakeContext, HookContext } from '../server/diagnostics.js';

/** The options of {@link WebSocketInstrumentation} (reference 18.2). */
export interface WebSocketInstrumentationConfig {
  /** Whether it begins when it is made. @default true */
  enabled?: boolean;
  /** May add attributes to the span of a handshake; called when that ends. What it throws is told to OpenTelemetry's `diag`. @default none */
  handshakeHook?: (span: Span, context: HandshakeContext) => void;
  /** May add attributes to the span of a hook, such as what a message is about; called when that begins. @default none */
  handlerHook?: (span: Span, context: HookContext) => void;
  /** Hooks, or messages, that have no span; what they do has none of theirs as its parent. @default none */
  ignoreHandlerHook?: (context: HookContext) => boolean;
}
