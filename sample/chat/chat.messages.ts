/** What the page sends: something to say. */
export interface Say {
  text: string;
}

/** What the page receives. Times are ISO 8601. */
export type ChatMessage =
  | { type: 'joined' | 'left'; name: string; online: string[]; at: string }
  | { type: 'said'; name: string; text: string; at: string };
