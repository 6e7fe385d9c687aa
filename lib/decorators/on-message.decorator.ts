import { markHook } from './hook-marks.js';

/**
 * Marks the method that serves each message. It wins over a method named `onMessage` (reference 1.3).
 *
 * @param kind on a handler with a `discriminator`, serves only the messages whose property of that name has this value;
 * a method marked without a kind serves the rest
 */
export const OnMessage = (kind?: string): MethodDecorator => markHook('onMessage', kind);
