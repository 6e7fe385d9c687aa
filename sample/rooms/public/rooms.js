import { FourDWebSocket } from './client.min.js';

const element = (id) => document.getElementById(id);
const [board, text, room, problems, state] = ['board', 'text', 'room', 'problems', 'state'].map(element);
let client;

room.addEventListener('change', enter);
element('place').addEventListener('submit', (event) => {
  event.preventDefault();
  place(10 + Math.random() * 80, 10 + Math.random() * 80);
});
board.addEventListener('click', ({ offsetX, offsetY, target }) => {
  if (target === board) place((offsetX / board.clientWidth) * 100, (offsetY / board.clientHeight) * 100);
});
element('colour').addEventListener('change', ({ target }) => send({ type: 'colour', colour: target.value }));
element('mine').addEventListener('click', () => send({ type: 'clear', which: 'mine' }));
enter();

function enter() {
  client?.terminate();
  client = new FourDWebSocket(new URL(`rooms/${room.value}`, location.href), {
    dataType: 'object',
    onOpen(ws) {
      // The room keeps no notes, and knows nothing of who was in it before.
      board.replaceChildren();
      ws.send({ type: 'colour', colour: element('colour').value });
    },
    onMessage(_ws, { data }) {
      receive(data);
    },
    onDisconnect() {
      state.textContent = 'Connection lost, trying again…';
    },
  });
}

function place(left, top) {
  send({ type: 'place', text: text.value.trim(), left, top });
}

function send(message) {
  problems.textContent = '';
  client.send(message);
}

function receive(message) {
  switch (message.type) {
    case 'welcome':
      state.textContent = `You are number ${message.you} in room ${message.room}`;
      break;
    case 'placed':
      board.append(note(message));
      if (message.text === text.value.trim()) text.value = '';
      break;
    case 'cleared':
      for (const each of [...board.children])
        if (message.by === null || each.dataset.by === String(message.by)) each.remove();
      break;
    case 'invalid':
      problems.textContent = message.problems.join('; ');
      break;
  }
}

function note({ by, text: words, left, top, colour }) {
  const made = document.createElement('p');
  made.className = 'note';
  made.textContent = words;
  made.dataset.by = by;
  Object.assign(made.style, { left: `${left}%`, top: `${top}%`, background: colour });
  return made;
}
