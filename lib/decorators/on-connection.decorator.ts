import { markHook } from './hook-marks.js';

/** Marks the method that decides about each client; on the class of a server handler. It wins over a method named `onConnection` (reference 1.3). */
export const OnConnection = (): MethodDecorator => markHook('onConnection');
