import { markHook } from './hook-names.js';

/** Marks the method that serves each message; on a connection handler. It wins over a method named `onMessage` (SPEC 1.3). */
export const OnMessage = (): MethodDecorator => markHook('onMessage');
