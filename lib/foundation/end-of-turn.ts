import { Logger } from '@nestjs/common';

const logger = new Logger('FourDWebSocketModule');

/** What is to be done when the current turn of the event loop is over. */
export interface TurnListener {
  endTurn(): void;
}

let listeners: TurnListener[] = [];
let spare: TurnListener[] = [];

/**
 * Calls the listener's `endTurn` when this turn of the event loop is over: after all that was read in it, and
 * after the promises that it settled. One immediate serves all connections of the process.
 */
export function endOfTurn(listener: TurnListener): void {
  if (listeners.length === 0) setImmediate(endTurn);
  listeners.push(listener);
}

function endTurn(): void {
  // Two lists take turns, so that a busy server makes no list each turn.
  const ended = listeners;
  listeners = spare;
  for (let index = 0; index < ended.length; index++) {
    try {
      ended[index]!.endTurn();
    } catch (error) {
      // One that fails must not keep the others from ending their turn.
      logger.error('The end of a turn failed', error instanceof Error ? error.stack : undefined);
    }
  }
  ended.length = 0;
  spare = ended;
}
