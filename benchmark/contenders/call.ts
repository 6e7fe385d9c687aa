// What every contender of the scenario `call` serves: it takes an object that the schema checks, and gives it back.
import { z } from 'zod';

export const message = z.object({ text: z.string() });
export type Message = z.infer<typeof message>;
