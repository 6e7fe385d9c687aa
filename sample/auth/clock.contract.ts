import { defineContract } from 'nestjs-4d-websocket/contract';
import * as z from 'zod';

/** What the page and the clock say to each other. */
export const clock = defineContract({
  sends: { tick: z.object({ now: z.iso.datetime() }) },
  calls: {
    /** `expires` is when the token does, in seconds since 1970. */
    whoAmI: { request: z.undefined(), response: z.object({ name: z.string(), expires: z.number() }) },
  },
});

export type Clock = typeof clock;
