import { markHook } from './hook-marks.js';

/** Marks the method that runs once at the start of a server or a connection. It wins over a method named `onOpen` (reference 1.3). */
export const OnOpen = (): MethodDecorator => markHook('onOpen');
