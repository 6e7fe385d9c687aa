/** The topic of what is said; it remembers. */
export const ROOM = 'room';

/** What the page sends: something to say. It is said again, with the same id, until it has come back. */
export interface Say {
  text: string;
  id?: string;
}

/** What the page receives. Times are ISO 8601. */
export type ChatMessage =
  | { type: 'joined' | 'left'; name: string; online: string[]; at: string }
  | { type: 'said'; id: string; name: string; text: string; at: string };
