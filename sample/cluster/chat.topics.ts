import type { HistoryOptions } from 'nestjs-4d-websocket';
import { ROOM } from '../chat/chat.contract.js';

/** The path of the chat's server. */
export const CHAT = '/chat';
/** The topic of the time. */
export const CLOCK = 'clock';

/** What is remembered: the same for whoever serves the topics and whoever publishes to them. */
export const HISTORY: HistoryOptions = { topics: [ROOM, CLOCK] };
