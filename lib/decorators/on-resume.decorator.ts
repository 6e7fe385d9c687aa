import { markHook } from './hook-marks.js';

/** Marks the method that hears what became of what was missed of topics with history. It wins over a method named `onResume` (reference 16.4). */
export const OnResume = (): MethodDecorator => markHook('onResume');
