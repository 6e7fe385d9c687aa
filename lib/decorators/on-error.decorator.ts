import { markHook } from './hook-marks.js';

/** Marks the method that hears of failures. It wins over a method named `onError` (reference 1.3). */
export const OnError = (): MethodDecorator => markHook('onError');
