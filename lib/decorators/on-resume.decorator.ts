import { markHook } from './hook-marks.js';

/** Marks the method that hears that a client has what it missed. It wins over a method named `onResume` (reference 1.3, 16.4). */
export const OnResume = (): MethodDecorator => markHook('onResume');
