import { markHook } from './hook-marks.js';

/** Marks the method that hears that a client's token was replaced by another. It wins over a method named `onRefresh` (reference 19.5). */
export const OnRefresh = (): MethodDecorator => markHook('onRefresh');
