import { markHook } from './hook-marks.js';

/** Marks the method that runs once at the end of a server or a connection. It wins over a method named `onTerminate` (reference 1.3). */
export const OnTerminate = (): MethodDecorator => markHook('onTerminate');
