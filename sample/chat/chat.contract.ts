import { defineContract } from 'nestjs-4d-websocket/contract';
import * as z from 'zod';

/** The topic of what is said; it remembers. */
export const ROOM = 'room';

/** What somebody says. It is said again, with the same id, until it has come back. */
const Say = z.object({ text: z.string().trim().min(1).max(2000), id: z.string().min(1).max(40) });

/** Somebody came or went: who, when, and who is there now. */
const Presence = z.object({ name: z.string(), online: z.array(z.string()), at: z.iso.datetime() });

const Said = z.object({ id: z.string(), name: z.string(), text: z.string(), at: z.iso.datetime() });

/** What the page and its server say to each other. Neither compiles if it says anything else. */
export const chat = defineContract({
  receives: { say: Say },
  sends: {
    said: Said,
    joined: Presence,
    left: Presence,
    /** The time, which the worker of the cluster sample tells. */
    time: z.object({ at: z.iso.datetime() }),
  },
});

export type Chat = typeof chat;
export type Say = z.infer<typeof Say>;
export type Said = z.infer<typeof Said>;
export type Presence = z.infer<typeof Presence>;
