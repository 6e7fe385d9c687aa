import { FourDWebSocket, type ContractClientHandler } from 'nestjs-4d-websocket/client';
import { RpcError } from 'nestjs-4d-websocket/contract';
import { board, type Board, type Note } from '../board.contract.js';

const notes = element('board');
const text = element<HTMLInputElement>('text');
const colour = element<HTMLInputElement>('colour');
const room = element<HTMLSelectElement>('room');
const problems = element('problems');
const state = element('state');
let client: FourDWebSocket<unknown, Board> | undefined;

room.addEventListener('change', enter);
element('place').addEventListener('submit', (event) => {
  event.preventDefault();
  place(10 + Math.random() * 80, 10 + Math.random() * 80);
});
notes.addEventListener('click', ({ offsetX, offsetY, target }) => {
  if (target === notes) place((offsetX / notes.clientWidth) * 100, (offsetY / notes.clientHeight) * 100);
});
colour.addEventListener('change', () => told((ws) => ws.call(board.pick({ colour: colour.value }))));
element('mine').addEventListener('click', () => told((ws) => ws.call(board.clear({ which: 'mine' }))));
enter();

function enter() {
  client?.terminate();
  const handler: ContractClientHandler<Board> = {
    async onOpen(ws) {
      // The room keeps no notes, and knows nothing of who was in it before.
      notes.replaceChildren();
      await ws.call(board.pick({ colour: colour.value }));
    },
    welcome(_ws, { you, room: number }) {
      state.textContent = `You are number ${you} in room ${number}`;
    },
    placed(_ws, note) {
      notes.append(paper(note));
    },
    cleared(_ws, { by }) {
      for (const each of notes.querySelectorAll<HTMLElement>('.note'))
        if (by === null || each.dataset.by === String(by)) each.remove();
    },
    onDisconnect() {
      state.textContent = 'Connection lost, trying again…';
    },
  };
  client = new FourDWebSocket(new URL(`rooms/${room.value}`, location.href), handler, { contract: board });
}

async function place(left: number, top: number) {
  const words = text.value;
  const isPlaced = await told((ws) => ws.call(board.place({ text: words, left, top })));
  if (isPlaced && text.value === words) text.value = '';
}

/** Calls, and tells what is wrong: with what was called, or with the connection. */
async function told(call: (ws: FourDWebSocket<unknown, Board>) => Promise<void>): Promise<boolean> {
  problems.textContent = '';
  try {
    await call(client!);
    return true;
  } catch (error) {
    const { message } = error as Error;
    // What does not fit its schema is told with what the schema says of it.
    const issues = error instanceof RpcError && Array.isArray(error.data) ? error.data : [{ message }];
    problems.textContent = issues.map((issue: { message: string }) => issue.message).join('; ');
    return false;
  }
}

function paper({ by, text: words, left, top, colour: background }: Note) {
  const made = document.createElement('p');
  made.className = 'note';
  made.textContent = words;
  made.dataset.by = String(by);
  Object.assign(made.style, { left: `${left}%`, top: `${top}%`, background });
  return made;
}

function element<Kind extends HTMLElement>(id: string) {
  return document.getElementById(id) as Kind;
}
