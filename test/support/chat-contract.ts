import { defineContract } from 'nestjs-4d-websocket/contract';
import { z } from 'zod';

/** A contract with a member of each kind, for tests. */
export const chat = defineContract({
  receives: { say: z.object({ text: z.string().max(20) }), number: z.number() },
  sends: { said: z.object({ from: z.string(), text: z.string() }) },
  calls: {
    whoIsHere: { request: z.object({}), response: z.array(z.string()) },
    double: { request: z.number(), response: z.number() },
    wait: { request: z.object({ name: z.string() }), response: z.string() },
    again: { request: z.object({ name: z.string() }), response: z.number(), idempotent: true },
    leave: { request: z.object({}) },
    askMe: { request: z.object({ text: z.string() }), response: z.boolean() },
  },
  streams: {
    count: { request: z.object({ to: z.number() }), item: z.number() },
    ticks: { request: z.object({ every: z.number() }), item: z.number() },
  },
  asks: {
    confirm: { request: z.object({ text: z.string() }), response: z.boolean() },
  },
});
