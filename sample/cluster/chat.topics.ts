import type { HistoryOptions } from 'nestjs-4d-websocket';

/** The path of the chat's server. */
export const CHAT = '/chat';
/** The topic of what is said. */
export const ROOM = 'room';
/** The topic of the time. */
export const CLOCK = 'clock';

/** What is remembered: the same for whoever serves the topics and whoever publishes to them. */
export const HISTORY: HistoryOptions = { topics: [ROOM, CLOCK] };
