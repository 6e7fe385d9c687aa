import { defineContract } from 'nestjs-4d-websocket/contract';
import * as z from 'zod';

/** A place on the board, in percent of its width and height. */
const Percent = z.number().min(0).max(100);
const Colour = z.string().regex(/^#[0-9a-f]{6}$/i, 'A colour has six hexadecimal digits');

/** Puts a note on the board. */
const Place = z.object({
  text: z.string().trim().min(1, 'Write something first').max(80),
  left: Percent,
  top: Percent,
});
/** Changes the colour of one's notes. */
const PickColour = z.object({ colour: Colour });
/** Takes notes off the board. */
const Clear = z.object({ which: z.enum(['mine', 'all']) });

const Note = z.object({ by: z.number(), text: z.string(), left: Percent, top: Percent, colour: Colour });

/** What somebody at a board and its server say to each other. Each call is answered: what is wrong with it is told. */
export const board = defineContract({
  sends: {
    welcome: z.object({ you: z.number(), room: z.string() }),
    placed: Note,
    /** Of nobody: of all. */
    cleared: z.object({ by: z.number().nullable() }),
  },
  calls: { place: { request: Place }, pick: { request: PickColour }, clear: { request: Clear } },
});

export type Board = typeof board;
export type Place = z.infer<typeof Place>;
export type PickColour = z.infer<typeof PickColour>;
export type Clear = z.infer<typeof Clear>;
export type Note = z.infer<typeof Note>;
