import { markHook } from './hook-marks.js';

/** Marks the method that hears of each lost connection of a client. It wins over a method named `onDisconnect` (reference 15.7). */
export const OnDisconnect = (): MethodDecorator => markHook('onDisconnect');
