import { ConnectionHandler, type ConnectionOf, type HandlerOf } from 'nestjs-4d-websocket';
import { board, type Board, type Clear, type PickColour, type Place } from './board.contract.js';

/** One person at the board of a room. Each kind of message has its method; what comes has been validated. */
@ConnectionHandler({ contract: board })
export class RoomHandler implements HandlerOf<Board> {
  private colour = '#ffd75e';

  onOpen(ws: ConnectionOf<Board>) {
    ws.subscribe(room(ws));
    ws.send(board.welcome({ you: ws.id, room: ws.request.params.room as string }));
  }

  place(ws: ConnectionOf<Board>, { text, left, top }: Place) {
    ws.wss.publish(room(ws), board.placed({ by: ws.id, text, left, top, colour: this.colour }));
  }

  pick(_ws: ConnectionOf<Board>, { colour }: PickColour) {
    this.colour = colour;
  }

  clear(ws: ConnectionOf<Board>, { which }: Clear) {
    ws.wss.publish(room(ws), board.cleared({ by: which === 'mine' ? ws.id : null }));
  }
}

function room(ws: ConnectionOf<Board>) {
  return `room ${ws.request.params.room}`;
}
